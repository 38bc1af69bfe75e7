//! What a person sees: pages that load nothing from elsewhere, can be filtered without a script, are legible in light and dark and
//! on a phone, and say the same to those who hear them.

use crate::browser::Browser;
use crate::exchange::get;
use crate::world::{LONG, World, furnished};
use serde_json::{Value, json};

/// The contrast that WCAG 2.2 wants of texts (AA).
const CONTRAST: f64 = 4.5;

/// Every text with less contrast than that: its colour, what is behind it, and the text.
const FAINT: &str = r#"
const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
const read = (colour) => {
  canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
  return Array.from(canvas.getImageData(0, 0, 1, 1).data);
};
const light = ([r, g, b]) => {
  const part = (v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
};
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const colour = read(getComputedStyle(at).backgroundColor);
    if (colour[3] === 255) return colour;
  }
  return [255, 255, 255, 255];
};
const faint = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node; (node = walker.nextNode());) {
  const element = node.parentElement;
  if (!node.textContent.trim() || !element.getClientRects().length || element.tagName === 'TITLE') continue;
  const style = getComputedStyle(element);
  const ink = read(element.closest('svg') ? style.fill : style.color), ground = behind(element);
  const [high, low] = [light(ink), light(ground)].sort((a, b) => b - a);
  const contrast = (high + 0.05) / (low + 0.05);
  if (contrast < MINIMUM) faint.push(`${contrast.toFixed(2)} ${ink} on ${ground}: ${node.textContent.trim().slice(0, 40)}`);
}
return faint;
"#;

/// What is wider than the window, if anything scrolls sideways that is not meant to.
const SPILT: &str = "
const width = document.documentElement.clientWidth;
if (document.documentElement.scrollWidth <= width) return [];
return Array.from(document.querySelectorAll('body *')).filter((one) => one.getBoundingClientRect().right > width + 1)
  .map((one) => one.outerHTML.slice(0, 80)).slice(0, 5);
";

fn pages(world: &World) -> Vec<(&'static str, String)> {
    let image = format!("/images/{}/acme/web", world.host());
    vec![
        ("references", "/".to_owned()),
        ("held", "/?state=held".to_owned()),
        ("image", image),
        ("image-long", format!("/images/{}/{LONG}", world.host())),
        ("image-failing", "/images/127.0.0.1:1/acme/lost".to_owned()),
        ("images", "/images/".to_owned()),
        ("repositories", "/repositories".to_owned()),
        ("runs", "/runs".to_owned()),
        ("registries", "/registries".to_owned()),
        ("nothing", "/?q=no+such+thing".to_owned()),
        ("refused", "/nowhere".to_owned()),
    ]
}

#[test]
fn every_page_is_whole_legible_and_from_here() {
    let Some(browser) = Browser::start() else { return };
    let world = furnished();
    // What a browser loads for itself when it starts.
    browser.requests();
    for (name, path) in pages(&world) {
        for (look, scheme, width, mobile) in
            [("light", "light", 1280, false), ("dark", "dark", 1280, false), ("phone", "light", 360, true)]
        {
            browser.appear(scheme, width, mobile);
            browser.open(&world.url(&path));
            browser.picture(&format!("{name}-{look}"));
            let faint = browser.run(&FAINT.replace("MINIMUM", &CONTRAST.to_string()));
            assert_eq!(faint, json!([]), "{name} {look}");
            assert_eq!(browser.run(SPILT), json!([]), "{name} {look}");
            let missing = name == "refused";
            let console = browser.console();
            assert!(console.is_empty() || missing && console.len() == 1, "{name} {look}: {console:?}");
            let requests = browser.requests();
            assert!(requests.len() > 1, "the page and its style: {requests:?}");
            for (url, status) in requests {
                assert!(url.starts_with(&world.url("/")), "{name}: {url}");
                let good = matches!(status, 200 | 304) || missing && status == 404 && url.ends_with("/nowhere");
                assert!(good, "{name} {look}: {status} {url}");
            }
        }
        names(&browser, name);
    }
}

/// Everything that can be used has a name for those who do not see it; every page has one heading of the first kind.
fn names(browser: &Browser, page: &str) {
    let tree = browser.command("Accessibility.getFullAXTree", json!({}));
    let nodes = tree["nodes"].as_array().unwrap();
    let role = |node: &Value| node["role"]["value"].as_str().unwrap_or_default().to_owned();
    let shown = nodes.iter().filter(|node| node["ignored"] != json!(true));
    for node in shown.clone() {
        let needs = [
            "link",
            "button",
            "textbox",
            "searchbox",
            "combobox",
            "image",
            "table",
            "navigation",
            "DisclosureTriangle",
        ];
        if needs.contains(&role(node).as_str()) {
            let name = node["name"]["value"].as_str().unwrap_or_default();
            assert!(!name.trim().is_empty(), "{page}: {node}");
        }
    }
    let count = |wanted: &str| shown.clone().filter(|node| role(node) == wanted).count();
    assert_eq!((count("main"), count("banner"), count("contentinfo")), (1, 1, 1), "{page}");
    assert_eq!(browser.run("return document.querySelectorAll('h1').length"), json!(1), "{page}");
    assert_eq!(browser.run("return document.documentElement.lang"), json!("en"), "{page}");
    assert_eq!(browser.run("return document.scripts.length"), json!(0), "{page}");
}

#[test]
fn a_person_searches_filters_and_opens_an_image() {
    let Some(browser) = Browser::start() else { return };
    let world = furnished();
    // As in a browser that runs no scripts at all.
    browser.command("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    browser.open(&world.url("/"));
    browser.write("#q", "ACME/web");
    browser.click("form button");
    browser.until("q=ACME%2Fweb");
    browser.click(".tabs a .updating");
    browser.until("state=updating");
    assert!(browser.url().contains("q=ACME"), "{}", browser.url());
    browser.command("Emulation.setScriptExecutionDisabled", json!({"value": false}));
    let rows =
        "return Array.from(document.querySelectorAll('.rows tbody tr:not(.more) .file')).map((one) => one.textContent)";
    let shown = browser.run(rows);
    let api = get(world.page, "/api/v1/references?q=ACME%2Fweb&state=updating").json();
    let told = api["references"].as_array().unwrap().iter();
    let told: Vec<String> = told.map(|row| format!("{}:{}", row["file"].as_str().unwrap(), row["line"])).collect();
    assert_eq!(shown, json!(told), "the page shows what the API tells");
    assert!(!told.is_empty());
    browser.click(".rows .i a");
    browser.until(&format!("/images/{}/acme/web", world.host()));
    let text = browser.run("return document.body.innerText").as_str().unwrap().to_owned();
    assert!(text.contains("2.0.0") && text.contains("out-of-range"), "why not 2.0.0: {text}");
    let marks = browser.run(
        "return [document.querySelectorAll('.plot .tag').length, document.querySelectorAll('.plot .update').length]",
    );
    assert!(marks[0].as_u64() >= Some(1) && marks[1].as_u64() >= Some(1), "{marks}: {text}");
    // The keyboard alone: the first stop leads past the menu.
    browser.open(&world.url("/"));
    browser.command(
        "Input.dispatchKeyEvent",
        json!({"type": "keyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}),
    );
    assert_eq!(browser.run("return document.activeElement.className"), json!("skip"));
}

#[test]
fn before_the_first_run_the_page_says_so() {
    let Some(browser) = Browser::start() else { return };
    // A registry that takes connections and says nothing: the first run takes long.
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let host = silent.local_addr().unwrap();
    let policies = format!(
        "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n- {{name: web, images: ['{host}/acme/web'], select: {{semver: '*'}}}}\n"
    );
    let pod = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {{containers: [{{name: a, image: '{host}/acme/web:1.0.0'}}]}}\n"
    );
    let mut world = World::new();
    let bare = world.repository("config", &[("landwaiter.yaml", policies), ("pod.yaml", pod)]);
    world.serve(&format!("[{{path: {bare}}}]"), "");
    browser.appear("light", 1280, false);
    browser.open(&world.url("/"));
    browser.picture("empty-light");
    let text = browser.run("return document.body.innerText").as_str().unwrap().to_owned();
    assert!(text.contains("Nothing was looked at yet"), "{text}");
    assert_eq!(get(world.page, "/api/v1/repositories").json()["repositories"][0]["seen"], Value::Null);
    drop(silent);
}
