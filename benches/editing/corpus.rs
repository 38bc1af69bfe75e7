//! The corpora: manifests as people write them, made from nothing, the same on every machine.
//!
//! Three kinds of repository, each a list of files:
//!
//! - [`dense`]: every document names images, so that every byte must be parsed;
//! - [`mixed`]: what config repositories hold, where the documents with images are the smaller part by bytes;
//! - [`silent`]: files that name no image at all.

/// One file of a made repository.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Small, fast and good enough to vary names and sizes: a multiplicative generator whose high bits are used.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }

    fn pick<'w>(&mut self, words: &[&'w str]) -> &'w str {
        words[self.roll(words.len())]
    }
}

const TEAMS: [&str; 6] = ["shop", "billing", "search", "identity", "platform", "data"];
const ROLES: [&str; 8] = ["api", "web", "worker", "proxy", "cron", "gateway", "cache", "indexer"];

/// Files of single and of several documents, workloads only; at least `bytes` in all.
pub(crate) fn dense(bytes: usize) -> Vec<File> {
    let mut dice = Dice(7);
    fill(bytes, |number| {
        let documents = if number % 10 == 0 { 6 } else { 1 };
        let text = (0..documents).map(|_| workload(&mut dice)).collect::<Vec<_>>().join("---\n");
        File { path: format!("apps/{number}/deployment.yaml"), text }
    })
}

/// One file in three has an image; custom resource definitions, dashboards and plain settings make up the bytes.
pub(crate) fn mixed(bytes: usize) -> Vec<File> {
    let mut dice = Dice(11);
    fill(bytes, |number| {
        let (name, text) = match number % 12 {
            0..=2 => ("deployment.yaml", workload(&mut dice)),
            3 => ("all.yaml", [service(&mut dice), workload(&mut dice), config(&mut dice, 40)].join("---\n")),
            4 => ("kustomization.yaml", kustomization(&mut dice)),
            5 => ("crd.yaml", definition(&mut dice)),
            6 | 7 => ("service.yaml", service(&mut dice)),
            8 => ("dashboard.yaml", dashboard(&mut dice)),
            _ => ("settings.yaml", config(&mut dice, 25)),
        };
        File { path: format!("apps/{number}/{name}"), text }
    })
}

/// Definitions, dashboards and settings.
pub(crate) fn silent(bytes: usize) -> Vec<File> {
    let mut dice = Dice(13);
    fill(bytes, |number| {
        let (name, text) = match number % 4 {
            0 => ("crd.yaml", definition(&mut dice).replace("image:", "picture:")),
            1 => ("dashboard.yaml", dashboard(&mut dice)),
            2 => ("service.yaml", service(&mut dice)),
            _ => ("settings.yaml", config(&mut dice, 60)),
        };
        File { path: format!("base/{number}/{name}"), text }
    })
}

fn fill(bytes: usize, mut make: impl FnMut(usize) -> File) -> Vec<File> {
    let mut made = 0;
    let mut files = Vec::new();
    while made < bytes {
        let file = make(files.len());
        made += file.text.len();
        files.push(file);
    }
    files
}

fn metadata(dice: &mut Dice, kind: &str, api: &str) -> String {
    let (team, role, n) = (dice.pick(&TEAMS), dice.pick(&ROLES), dice.roll(90));
    format!(
        "apiVersion: {api}\nkind: {kind}\nmetadata:\n  name: {team}-{role}-{n}\n  namespace: {team}\n  labels:\n    app.kubernetes.io/name: {role}\n    app.kubernetes.io/part-of: {team}\n    app.kubernetes.io/managed-by: \"kustomize\"\n"
    )
}

fn workload(dice: &mut Dice) -> String {
    let mut text = metadata(dice, "Deployment", "apps/v1");
    text += &format!(
        "  annotations:\n    # reviewed by the platform team\n    prometheus.io/scrape: \"true\"\nspec:\n  replicas: {}\n  selector:\n    matchLabels: {{app.kubernetes.io/name: x}}\n  template:\n    metadata:\n      labels:\n        app.kubernetes.io/name: x\n    spec:\n      serviceAccountName: default\n      containers:\n",
        dice.roll(9)
    );
    for _ in 0..=dice.roll(3) {
        text += &container(dice);
    }
    text += "      volumes:\n        - name: config\n          configMap:\n            name: settings\n        - name: tmp\n          emptyDir: {}\n";
    text
}

fn container(dice: &mut Dice) -> String {
    let (team, role) = (dice.pick(&TEAMS), dice.pick(&ROLES));
    let (major, minor, patch) = (dice.roll(4), dice.roll(30), dice.roll(20));
    let image = format!("ghcr.io/{team}/{role}:v{major}.{minor}.{patch}");
    let image = if dice.roll(3) == 0 { format!("\"{image}\"") } else { image };
    let mut text =
        format!("        - name: {role}\n          image: {image}\n          imagePullPolicy: IfNotPresent\n");
    text += "          args: [\"serve\", \"--listen=:8080\", \"--log-format=json\"]\n          env:\n";
    for n in 0..dice.roll(12) + 4 {
        text += &match n % 3 {
            0 => format!("            - name: SETTING_{n}\n              value: \"{}\"\n", dice.roll(10_000)),
            1 => format!(
                "            - name: {role}_URL_{n}\n              value: http://{role}.{team}.svc:80{n:02}/path\n"
            ),
            _ => format!(
                "            - name: SECRET_{n}\n              valueFrom:\n                secretKeyRef:\n                  name: {role}-secrets\n                  key: key-{n}\n"
            ),
        };
    }
    text +=
        "          ports:\n            - name: http\n              containerPort: 8080\n              protocol: TCP\n";
    text += "          readinessProbe:\n            httpGet:\n              path: /healthz\n              port: http\n            periodSeconds: 10\n";
    text += "          resources:\n            requests: {cpu: 100m, memory: 128Mi}\n            limits:\n              memory: 256Mi # measured\n";
    text += "          volumeMounts:\n            - name: config\n              mountPath: /etc/app\n              readOnly: true\n";
    text
}

fn kustomization(dice: &mut Dice) -> String {
    let mut text =
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - ../base\nimages:\n"
            .to_owned();
    for _ in 0..=dice.roll(6) {
        let (team, role) = (dice.pick(&TEAMS), dice.pick(&ROLES));
        text += &format!("  - name: ghcr.io/{team}/{role}\n    newTag: v1.{}.0\n", dice.roll(40));
    }
    text
}

fn service(dice: &mut Dice) -> String {
    let text = metadata(dice, "Service", "v1");
    text + "spec:\n  type: ClusterIP\n  selector:\n    app.kubernetes.io/name: x\n  ports:\n    - name: http\n      port: 80\n      targetPort: http\n"
}

fn config(dice: &mut Dice, lines: usize) -> String {
    let mut text = metadata(dice, "ConfigMap", "v1") + "data:\n  app.properties: |\n";
    for n in 0..lines {
        text += &format!("    {}.{}.{n} = {}\n", dice.pick(&TEAMS), dice.pick(&ROLES), dice.roll(100_000));
    }
    text
}

fn dashboard(dice: &mut Dice) -> String {
    let mut text = metadata(dice, "ConfigMap", "v1") + "data:\n  dashboard.json: |\n    {\n      \"panels\": [\n";
    for n in 0..80 + dice.roll(120) {
        text += &format!(
            "        {{\"id\": {n}, \"type\": \"timeseries\", \"title\": \"{} rate\", \"gridPos\": {{\"h\": 8, \"w\": 12, \"x\": 0, \"y\": {n}}}}},\n",
            dice.pick(&ROLES)
        );
    }
    text + "        {}\n      ]\n    }\n"
}

/// A schema that speaks of images as definitions do, with `image:` as a property's name now and then.
fn definition(dice: &mut Dice) -> String {
    let mut text = metadata(dice, "CustomResourceDefinition", "apiextensions.k8s.io/v1");
    text += "spec:\n  group: acme.example.com\n  versions:\n    - name: v1\n      schema:\n        openAPIV3Schema:\n          type: object\n          properties:\n";
    for n in 0..60 + dice.roll(200) {
        let name = if n % 50 == 49 { "image".to_owned() } else { format!("{}{n}", dice.pick(&ROLES)) };
        text += &format!(
            "            {name}:\n              description: >-\n                The {} of the object, read by the controller when the resource is reconciled.\n                See the documentation for what is allowed.\n              type: string\n",
            dice.pick(&TEAMS)
        );
    }
    text
}
