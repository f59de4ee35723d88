//! `container`: the name of one that runs already, or what a new one is to have.

use crate::json::{Place, Reader, Scan, Stop};
use crate::request::Kind;
use crate::request::fields::Kept;
use crate::request::references::References;

/// The kept things it names.
pub(super) struct Container<'r>(pub(super) &'r mut References);

impl<'de> Reader<'de> for Container<'_> {
    fn text(&mut self, text: &str) {
        self.0.add(Kind::Container, "container", text);
    }

    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "id" => self.0.read(Kind::Container, "container.id", at, object).map(|_| ()),
            "skills" => at.value(object, &mut Skills(self.0)).map(|_| ()),
            _ => at.skip(object),
        }
    }
}

struct Skills<'r>(&'r mut References);

impl<'de> Reader<'de> for Skills<'_> {
    fn element(&mut self, _index: usize, at: Place, array: &mut Scan<'de>) -> Result<(), Stop> {
        let mut skill = Skill::default();
        at.value(array, &mut skill)?;
        // Those of Anthropic's own are everybody's.
        if skill.kind != "anthropic" {
            self.0.append(skill.named);
        }
        Ok(())
    }
}

#[derive(Default)]
struct Skill {
    kind: String,
    named: References,
}

impl<'de> Reader<'de> for Skill {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        let mut kind = Kept::default();
        match name {
            "skill_id" => {
                self.named.read(Kind::Skill, "container.skills.skill_id", at, object)?;
            }
            "type" => {
                at.value(object, &mut kind)?;
                self.kind = kind.0;
            }
            _ => at.skip(object)?,
        }
        Ok(())
    }
}
