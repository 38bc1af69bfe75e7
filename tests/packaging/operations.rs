//! `docs/operations.md` shows what the program says: every block of a console is run in a copy of `examples/config-repo` and compared.

use crate::config_repo::world;
use crate::ours;
use std::fs;
use std::process::Command;

const BEGIN: &str = "```console\n";
const END: &str = "```\n";

#[test]
fn every_command_of_the_operations_guide_prints_what_stands_there() {
    let path = ours("docs/operations.md");
    let text = fs::read_to_string(&path).unwrap();
    let mut parts = text.split(BEGIN);
    let mut renewed = parts.next().unwrap().to_owned();
    let mut commands = 0;
    for part in parts {
        let (block, after) = part.split_once(END).unwrap();
        renewed.push_str(BEGIN);
        // Blocks do not hang on each other.
        let world = world();
        for command in block.lines().filter_map(|line| line.strip_prefix("$ landwaiter ")) {
            let arguments: Vec<String> =
                command.split(' ').map(|word| word.replace("reg.example.com", &world.registry.host())).collect();
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            // The home is shown, and tables are as wide as its name.
            let mut process = world.command(&arguments);
            process.env("HOME", "/home/ann").env("LANDWAITER_STATE_DIR", world.folder.path().join("state"));
            let said = world.said(process.current_dir(world.repo()).output().unwrap());
            renewed.push_str(&format!("$ landwaiter {command}\n{}{}", said.out, said.err));
            commands += 1;
        }
        renewed.push_str(END);
        renewed.push_str(after);
    }
    assert!(commands >= 5, "only {commands} commands");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(path, renewed).unwrap();
    } else {
        assert_eq!(text, renewed, "UPDATE_SNAPSHOTS=1 writes it anew");
    }
}

#[test]
fn the_environment_that_the_manifests_count_on_is_in_the_help_text() {
    let said = Command::new(env!("CARGO_BIN_EXE_landwaiter")).args(["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(said.stdout).unwrap();
    for word in ["[env: LANDWAITER_CONFIG", "[env: LANDWAITER_STATE_DIR", "--grace", "--once", "--log-format"] {
        assert!(help.split_whitespace().collect::<Vec<_>>().join(" ").contains(word), "{word} is not in\n{help}");
    }
}
