//! `examples/kubernetes`: kustomize builds it, Kubernetes' own schemas accept it, it keeps to the restricted Pod Security Standard, and
//! what it says of ports, paths and times is what the program does.

use crate::ours;
use crate::plain_yaml::plain;
use crate::process::program;
use crate::root::USER;
use landwaiter::config::{policies, settings};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What is built, and deployed as it is.
const KUSTOMIZATIONS: [&str; 3] = ["base", "cronjob", "production"];
/// The oldest and the newest version of Kubernetes that the manifests are held against.
const KUBERNETES: [&str; 2] = ["1.27.0", "1.37.0"];
/// The one kind that is not Kubernetes' own.
const FOREIGN: &str = "ServiceMonitor";

/// What kustomize makes of a folder; `None` when it is not installed. kubectl has it built in.
fn build(folder: &Path) -> Option<String> {
    let own = ["kustomize", "kubectl"].into_iter().find(|name| which(name));
    let kustomize = program(own.unwrap_or("kustomize"))?;
    let verb = if own == Some("kubectl") { "kustomize" } else { "build" };
    let output = Command::new(kustomize).arg(verb).arg(folder).output().unwrap();
    assert!(output.status.success(), "{}: {}", folder.display(), String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

fn which(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// Every object of a kustomization.
fn objects(name: &str) -> Option<Vec<Value>> {
    Some(plain(&build(&ours("examples/kubernetes").join(name))?))
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

/// The template of the Pod, in whatever makes Pods.
fn pod(objects: &[Value]) -> &Value {
    let at = |kind: &str, pointer: &str| of_kind(objects, kind).first().and_then(|object| object.pointer(pointer));
    at("Deployment", "/spec/template/spec").or_else(|| at("CronJob", "/spec/jobTemplate/spec/template/spec")).unwrap()
}

/// The settings that are deployed.
fn deployed_settings(objects: &[Value]) -> String {
    of_kind(objects, "ConfigMap")[0]["data"]["settings.yaml"].as_str().unwrap().to_owned()
}

fn arguments(container: &Value) -> BTreeMap<&str, &str> {
    let words = container["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap());
    words.map(|word| word.split_once('=').unwrap_or((word, ""))).collect()
}

#[test]
fn kubernetes_schemas_accept_every_object() {
    let Some(validate) = program("kubernetes-validate") else { return };
    let folder = tempfile::tempdir().unwrap();
    for name in KUSTOMIZATIONS {
        let Some(built) = build(&ours("examples/kubernetes").join(name)) else { return };
        let count = plain(&built).iter().filter(|object| object["kind"] != FOREIGN).count();
        let file = folder.path().join(format!("{name}.yaml"));
        fs::write(&file, built).unwrap();
        for version in KUBERNETES {
            let output = Command::new(&validate).args(["--strict", "-k", version]).arg(&file).output().unwrap();
            let said =
                format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success(), "{name}, Kubernetes {version}: {said}");
            assert_eq!(said.matches(" passed for resource ").count(), count, "{name}, Kubernetes {version}: {said}");
        }
    }
    // It can refuse: a key that is none.
    let file = folder.path().join("wrong.yaml");
    fs::write(&file, "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: x}\nautomountToken: false\n").unwrap();
    assert!(!Command::new(&validate).arg("--strict").arg(&file).output().unwrap().status.success());
}

#[test]
fn pods_keep_to_the_restricted_standard() {
    for name in KUSTOMIZATIONS {
        let Some(objects) = objects(name) else { return };
        let labels = &of_kind(&objects, "Namespace")[0]["metadata"]["labels"];
        assert_eq!(labels["pod-security.kubernetes.io/enforce"], "restricted");
        let pod = pod(&objects);
        for key in ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "initContainers"] {
            assert_eq!(pod[key], Value::Null, "{name}: {key}");
        }
        let security = &pod["securityContext"];
        assert_eq!(security["runAsNonRoot"], true);
        for key in ["runAsUser", "runAsGroup", "fsGroup"] {
            assert_eq!(security[key], USER, "{name}: {key} is the image's");
        }
        assert_eq!(security["seccompProfile"]["type"], "RuntimeDefault");
        let [container] = &pod["containers"].as_array().unwrap()[..] else { panic!("one container") };
        let security = &container["securityContext"];
        assert_eq!(security["allowPrivilegeEscalation"], false);
        assert_eq!(security["readOnlyRootFilesystem"], true);
        assert_eq!(security["capabilities"], serde_json::json!({"drop": ["ALL"]}));
        assert!(container["resources"]["requests"]["memory"].is_string(), "{name}");
        assert!(container["resources"]["limits"]["memory"].is_string(), "{name}");
        let kinds = ["configMap", "secret", "emptyDir", "persistentVolumeClaim"];
        for volume in pod["volumes"].as_array().unwrap() {
            assert!(kinds.iter().any(|kind| volume[kind].is_object()), "{name}: {volume}");
        }
    }
}

#[test]
fn nothing_has_rights_in_the_cluster() {
    for name in KUSTOMIZATIONS {
        let Some(objects) = objects(name) else { return };
        for kind in ["Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "Secret"] {
            assert!(of_kind(&objects, kind).is_empty(), "{name} has a {kind}");
        }
        let [account] = of_kind(&objects, "ServiceAccount")[..] else { panic!("one account") };
        assert_eq!(account["automountServiceAccountToken"], false);
        let pod = pod(&objects);
        assert_eq!(pod["automountServiceAccountToken"], false);
        assert_eq!(pod["serviceAccountName"], account["metadata"]["name"]);
    }
}

/// Where each listener is, by the name that ports have: of those the settings name.
fn listeners(settings: &str) -> BTreeMap<&'static str, String> {
    let settings = &plain(settings)[0];
    let places =
        [("operations", "/service/address"), ("page", "/service/page/address"), ("webhooks", "/webhooks/address")];
    let found = places.map(|(name, pointer)| (name, settings.pointer(pointer)));
    found.into_iter().filter_map(|(name, address)| Some((name, address?.as_str()?.to_owned()))).collect()
}

#[test]
fn ports_services_probes_and_policies_name_the_same_listeners() {
    for name in ["base", "production"] {
        let Some(objects) = objects(name) else { return };
        let container = &pod(&objects)["containers"][0];
        let ports: BTreeMap<&str, u64> = container["ports"]
            .as_array()
            .unwrap()
            .iter()
            .map(|port| (port["name"].as_str().unwrap(), port["containerPort"].as_u64().unwrap()))
            .collect();
        assert_eq!(ports, BTreeMap::from([("operations", 8080), ("page", 8081), ("webhooks", 8082)]));
        let listeners = listeners(&deployed_settings(&objects));
        assert!(listeners.keys().eq(ports.keys()), "{name}: every port has a listener: {listeners:?}");
        for (listener, address) in listeners {
            let port = ports[listener];
            assert!(
                [format!("0.0.0.0:{port}"), format!("[::]:{port}")].contains(&address),
                "{name}: {listener} is at {address}"
            );
        }

        let services = of_kind(&objects, "Service");
        assert_eq!(services.len(), ports.len());
        for service in services {
            let [port] = &service["spec"]["ports"].as_array().unwrap()[..] else { panic!("one listener each") };
            let listener = port["targetPort"].as_str().unwrap();
            assert_eq!(service["metadata"]["name"], format!("landwaiter-{listener}"));
            assert_eq!(service["metadata"]["labels"]["app.kubernetes.io/component"], listener);
            assert_eq!(port["port"], ports[listener]);
            let labels = &of_kind(&objects, "Deployment")[0]["spec"]["template"]["metadata"]["labels"];
            assert_eq!(&service["spec"]["selector"], labels);
        }
        for (probe, path) in [("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")] {
            assert_eq!(container[probe]["httpGet"], serde_json::json!({"path": path, "port": "operations"}));
        }
        let policy = &of_kind(&objects, "NetworkPolicy")[0]["spec"];
        assert_eq!(policy["podSelector"], of_kind(&objects, "Deployment")[0]["spec"]["selector"]);
        let let_in: Vec<&str> = policy["ingress"][0]["ports"]
            .as_array()
            .unwrap()
            .iter()
            .map(|port| port["port"].as_str().unwrap())
            .collect();
        assert_eq!(let_in, ports.keys().copied().collect::<Vec<_>>());
        for monitor in of_kind(&objects, FOREIGN) {
            assert_eq!(monitor["spec"]["endpoints"][0]["port"], "operations");
            let wanted = &monitor["spec"]["selector"]["matchLabels"];
            let found = of_kind(&objects, "Service").into_iter().filter(|service| {
                let labels = &service["metadata"]["labels"];
                wanted.as_object().unwrap().iter().all(|(label, value)| &labels[label] == value)
            });
            assert_eq!(found.count(), 1, "it selects the operations' Service");
            let shown = fs::read_to_string(ours("examples/observability/servicemonitor.yaml")).unwrap();
            assert_eq!(monitor["spec"], plain(&shown)[0]["spec"], "that of examples/observability is the same");
        }
    }
    let scraped = fs::read_to_string(ours("examples/observability/prometheus.yaml")).unwrap();
    assert!(scraped.contains("landwaiter-operations.landwaiter.svc:8080"), "Prometheus looks where the Service is");
    let Some(objects) = objects("cronjob") else { return };
    assert!(of_kind(&objects, "Service").is_empty() && of_kind(&objects, "Deployment").is_empty());
    assert_eq!(of_kind(&objects, "NetworkPolicy")[0]["spec"]["ingress"], serde_json::json!([]));
}

#[test]
fn one_replica_has_the_time_to_finish() {
    for name in ["base", "production"] {
        let Some(objects) = objects(name) else { return };
        let deployment = &of_kind(&objects, "Deployment")[0]["spec"];
        assert_eq!((&deployment["replicas"], &deployment["strategy"]["type"]), (&1.into(), &"Recreate".into()));
        let pod = pod(&objects);
        let grace: u64 = arguments(&pod["containers"][0])["--grace"].parse().unwrap();
        let patience = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
        assert!(patience >= grace + 5, "{name}: {patience} seconds for a grace of {grace}");
    }
    let Some(objects) = objects("cronjob") else { return };
    let job = &of_kind(&objects, "CronJob")[0]["spec"];
    assert_eq!(job["concurrencyPolicy"], "Forbid");
    assert!(arguments(&pod(&objects)["containers"][0]).contains_key("--once"));
    let settings = settings::read("settings.yaml", &deployed_settings(&objects)).unwrap();
    let deadline = job["jobTemplate"]["spec"]["activeDeadlineSeconds"].as_u64().unwrap();
    let run = settings.limits.run_deadline.map_or(1_800, |deadline| deadline.as_secs());
    assert!(deadline > run, "a run may ask registries for {run} seconds");
}

#[test]
fn settings_are_accepted_and_name_only_what_is_mounted() {
    let readme = fs::read_to_string(ours("examples/kubernetes/README.md")).unwrap();
    for name in KUSTOMIZATIONS {
        let Some(objects) = objects(name) else { return };
        let text = deployed_settings(&objects);
        if let Err(diagnostics) = settings::read("settings.yaml", &text) {
            panic!("{name}: {diagnostics:?}");
        }
        let pod = pod(&objects);
        let container = &pod["containers"][0];
        let mounts: BTreeMap<&str, &Value> = container["volumeMounts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|mount| (mount["name"].as_str().unwrap(), mount))
            .collect();
        assert!(mounts.values().all(|mount| mount["subPath"].is_null()), "what changes must be seen to change");
        let arguments = arguments(container);
        assert_eq!(
            arguments["--config"],
            format!("{}/settings.yaml", mounts["settings"]["mountPath"].as_str().unwrap())
        );
        assert_eq!(arguments["--state-dir"], mounts["state"]["mountPath"]);
        assert_eq!(arguments["--state-dir"], format!("/{}", crate::root::STATE), "the image's");
        assert_eq!(mounts["state"]["readOnly"], Value::Null);
        assert!(["settings", "secrets"].iter().all(|volume| mounts[volume]["readOnly"] == true));

        let secrets = format!("{}/", mounts["secrets"]["mountPath"].as_str().unwrap());
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let files: Vec<&str> = lines
            .flat_map(|line| line.split([' ', '}', ',']))
            .filter(|word| word.starts_with('/') && !word.starts_with("//"))
            .collect();
        assert!(!files.is_empty());
        for file in files {
            let key = file.strip_prefix(&secrets).unwrap_or_else(|| panic!("{name}: {file} is not mounted"));
            assert!(readme.contains(&format!("--from-file={key}")), "the README does not say how `{key}` comes there");
        }
    }
}

#[test]
fn its_own_policy_is_valid_and_names_the_image_that_is_deployed() {
    let text = fs::read_to_string(ours("examples/kubernetes/landwaiter.yaml")).unwrap();
    let loaded = policies::read(&[("landwaiter.yaml".to_owned(), text.clone())]);
    assert_eq!(loaded.diagnostics, []);
    for name in KUSTOMIZATIONS {
        let Some(objects) = objects(name) else { return };
        let image = pod(&objects)["containers"][0]["image"].as_str().unwrap();
        let (repository, tag) = image.rsplit_once(':').unwrap();
        assert_eq!(tag, env!("CARGO_PKG_VERSION"));
        assert!(text.contains(&format!("images: [{repository}]")), "{image}");
    }
}
