//! Mistakes that have to do with the tag in the file: a family that has no other member, a tag that cannot be compared.

use super::{Trials, tags};
use crate::image::Tag;
use crate::policy::family::Shape;
use crate::policy::ground::{Current, Ground};
use crate::policy::{Family, Guards, Question};
use crate::version::history;
use std::collections::BTreeMap;

impl Trials<'_, '_> {
    /// No candidate is of the current tag's family, or the policy cannot compare the current tag at all.
    pub(super) fn stranger(&mut self) {
        if self.explained() || self.question.current.is_none() {
            return;
        }
        let ground = self.ranking.ground(&self.question);
        match (&ground.current, &ground.family) {
            // What would come in its place would be as arbitrary: commit ids have no order of their own.
            (Current::Unordered { tag, .. }, _) if history::is_id(tag) => {}
            (Current::Unordered { tag, .. }, _) => {
                let problem = format!("the policy cannot compare {tag} with any other tag");
                let allow = |guards: &mut Guards| guards.allow_replace = true;
                if let Some(outlook) = self.decided(|policy| allow(&mut policy.guards)) {
                    self.suggest("allowReplace", problem, "allowReplace: true".to_owned(), outlook);
                }
            }
            (_, Some(family)) if ground.pool.is_empty() => {
                let whose = match &ground.current {
                    Current::Floating { tag, .. } => format!("the family that {tag} would be pinned to"),
                    _ => "the current tag's family".to_owned(),
                };
                let problem = format!("no tag is of {whose}, {}", family.described);
                self.other_family(&ground, &problem);
            }
            _ => {}
        }
    }

    /// The current tag stays, and no other tag is of its family.
    pub(super) fn lonely(&mut self, chosen: Option<&Tag>) {
        if chosen.is_none() || chosen != self.question.current {
            return;
        }
        let ground = self.ranking.ground(&self.question);
        let alone = ground.pool.entries().all(|entry| Some(entry.tag) == chosen.map(Tag::as_str));
        if let Some(family) = ground.family.as_ref().filter(|_| alone) {
            let problem = format!("no other tag is of its family, {}", family.described);
            self.other_family(&ground, &problem);
        }
    }

    /// The family that most tags are of, by the best of its members.
    fn other_family(&mut self, ground: &Ground<'_>, problem: &str) {
        let mut families: BTreeMap<String, (usize, &str)> = BTreeMap::new();
        for (tag, _) in &self.ranking.screened {
            let Some(family) = self.ranking.family_of(tag) else { continue };
            if ground.family.as_ref().is_some_and(|own| own.key == family.key) {
                continue;
            }
            let (count, first) = families.entry(family.described).or_insert((0, tag));
            *count += 1;
            *first = (*first).min(*tag);
        }
        let most = families.into_iter().max_by(|(a, (m, _)), (b, (n, _))| m.cmp(n).then_with(|| b.cmp(a)));
        let Some((described, (count, member))) = most else {
            return;
        };
        let problem = format!("{problem}; of {described} there are {}", tags(count));
        if let Some(outlook) = self.decided(|policy| policy.family = Family::Any)
            && outlook.chosen.as_ref() != self.question.current
        {
            return self.suggest("family", problem, "family: any".to_owned(), outlook);
        }
        let Ok(member) = Tag::parse(member) else { return };
        let question = Question { current: Some(&member), ..self.question };
        if let Some(outlook) = self.decided_for(&question, |_| {}) {
            let best = outlook.chosen.as_ref().map_or(member.to_string(), ToString::to_string);
            if self.is_tie(&best) {
                return;
            }
            let instead = format!("write a tag of that family into the file, such as {best}");
            self.suggest("image", problem, instead, outlook);
        }
    }

    /// Whether the tag is the same version as the current one in another spelling: `v1.0.0` for `1.0.0`. A tie is no update.
    fn is_tie(&self, tag: &str) -> bool {
        let versions = self.question.current.and_then(|current| Shape::read(current.as_str())).zip(Shape::read(tag));
        self.ranking.has_versions() && versions.is_some_and(|(current, other)| current.compare(&other).is_eq())
    }
}
