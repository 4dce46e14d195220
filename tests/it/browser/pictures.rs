//! The README's two pictures. `./dev pictures` makes them anew; here only that they can be made and are light.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::world::World;
use crate::support::browser::{Walk, screens};

/// Bytes: whoever opens the repository loads both.
const MOST: u64 = 200 * 1024;

#[test]
fn the_pictures_of_the_readme_can_be_made_and_are_light() {
    let house = Path::new(env!("CARGO_MANIFEST_DIR"));
    let kept = house.join("docs/pictures");
    let folder = match std::env::var_os("STEELYARD_PICTURES") {
        Some(_) => kept.clone(),
        None => screens(),
    };
    let world = World::with_a_past();
    // Some minutes of charts, where somebody will look at them.
    for _ in 0..if folder == kept { 40 } else { 0 } {
        world.is_asked(400);
    }
    let given = json!({"cookie": world.cookies["en"], "folder": folder});
    let mut walk = Walk::begin("pictures", &world.lb, given);
    for name in ["nodes", "overview"] {
        walk.until(name);
        walk.go_on(&json!({}));
    }
    walk.ends();
    let readme = fs::read_to_string(house.join("README.md")).unwrap();
    for name in ["nodes.png", "overview.png"] {
        let made = fs::metadata(folder.join(name)).unwrap().len();
        assert!(made <= MOST, "{name}: {made} bytes");
        assert!(
            readme.contains(&format!("docs/pictures/{name}")),
            "no {name} in the README"
        );
        assert!(
            kept.join(name).exists(),
            "no {name}: ./dev pictures makes it"
        );
    }
}
