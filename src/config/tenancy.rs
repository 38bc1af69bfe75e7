//! Tenancy: which policy files may touch which files and images, as the operator says.
//!
//! Without entries everybody may touch everything. With entries, a policy file that none of them names may touch nothing,
//! and one that several name may touch what any single one of them allows.

use super::globs::FileGlob;
use super::problems::Problems;
use super::settings_file::TenantShape;
use super::shape::{Field, Spanned};
use crate::image::Repository;
use crate::policy::ImagePattern;
use globset::GlobMatcher;

/// Who may touch what.
#[derive(Debug, Clone, Default)]
pub struct Tenancy(Vec<Tenant>);

#[derive(Debug, Clone)]
struct Tenant {
    policies: Vec<GlobMatcher>,
    /// Empty means all.
    files: Vec<GlobMatcher>,
    /// Empty means all.
    images: Vec<ImagePattern>,
}

impl Tenancy {
    /// Whether a policy of `policy_file` may write an image of `repository` into `file`.
    pub fn allows(&self, policy_file: &str, file: &str, repository: &Repository) -> bool {
        self.0.is_empty() || self.0.iter().any(|tenant| tenant.allows(policy_file, file, repository))
    }

    /// Whether the operator says who may touch what, so that one author's mistake need not be everybody's.
    pub fn separates(&self) -> bool {
        !self.0.is_empty()
    }

    pub(super) fn from_shapes(shapes: Option<Spanned<Vec<Spanned<TenantShape>>>>, problems: &mut Problems) -> Tenancy {
        let Some(shapes) = shapes else {
            return Tenancy::default();
        };
        if shapes.value.is_empty() {
            let hint = "leave `tenancy` out when every policy may touch everything";
            problems.error(shapes.span, "`tenancy` is empty", hint);
        }
        let tenants = shapes.value.into_iter().map(|shape| Tenant::from_shape(shape.value, problems));
        Tenancy(tenants.collect())
    }
}

impl Tenant {
    fn allows(&self, policy_file: &str, file: &str, repository: &Repository) -> bool {
        let within = |globs: &[GlobMatcher], path: &str| globs.iter().any(|glob| glob.is_match(path));
        let image = |pattern: &ImagePattern| match pattern {
            ImagePattern::Exact(exact) => exact == repository,
            ImagePattern::Glob(glob) => glob.is_match(repository.as_str()),
        };
        within(&self.policies, policy_file)
            && (self.files.is_empty() || within(&self.files, file))
            && (self.images.is_empty() || self.images.iter().any(image))
    }

    fn from_shape(shape: TenantShape, problems: &mut Problems) -> Tenant {
        let globs = |field: Field<Vec<Spanned<FileGlob>>>, key: &str, problems: &mut Problems| {
            let globs = some(field, key, problems);
            globs.into_iter().map(|glob| glob.value.0).collect()
        };
        Tenant {
            policies: globs(shape.policies, "policies", problems),
            files: globs(shape.files, "files", problems),
            images: some(shape.images, "images", problems).into_iter().map(|image| image.value).collect(),
        }
    }
}

/// The list; an empty one is refused, since nobody could tell whether it means everything or nothing.
fn some<T>(field: Field<Vec<Spanned<T>>>, key: &str, problems: &mut Problems) -> Vec<Spanned<T>> {
    let Some(list) = field.given() else {
        return Vec::new();
    };
    if list.value.is_empty() {
        let hint = "`**` is everything";
        problems.error(list.span, format!("`{key}` is empty"), hint);
    }
    list.value
}

#[cfg(test)]
mod tests {
    use crate::config::settings;
    use crate::image::Repository;

    fn allows(entries: &str, policy_file: &str, file: &str, image: &str) -> bool {
        let text = format!("apiVersion: landwaiter/v1\nkind: Settings\n{entries}");
        let settings = settings::read("settings.yaml", &text).unwrap();
        let repository = Repository::parse(image).unwrap();
        settings.tenancy.allows(policy_file, file, &repository)
    }

    const TWO_TEAMS: &str = "tenancy:
- {policies: [policies/web/**], files: ['apps/web/**'], images: ['ghcr.io/acme/*', nginx]}
- {policies: [policies/**/shared.yaml], files: ['infra/**']}
";

    #[test]
    fn without_tenancy_everything_is_allowed() {
        assert!(allows("", "landwaiter.yaml", "anything.yaml", "nginx"));
    }

    #[test]
    fn each_policy_file_may_touch_what_one_entry_gives_it() {
        for (policy_file, file, image, allowed) in [
            ("policies/web/a.yaml", "apps/web/x/deploy.yaml", "ghcr.io/acme/web", true),
            ("policies/web/a.yaml", "apps/web/deploy.yaml", "nginx", true),
            ("policies/web/a.yaml", "apps/api/deploy.yaml", "nginx", false),
            ("policies/web/a.yaml", "apps/web/deploy.yaml", "redis", false),
            ("policies/web/a.yaml", "infra/x.yaml", "nginx", false),
            ("policies/web/shared.yaml", "infra/x.yaml", "redis", true),
            // What two entries allow does not add up to a file of one with an image of the other.
            ("policies/web/shared.yaml", "apps/web/x.yaml", "redis", false),
            ("landwaiter.yaml", "apps/web/x.yaml", "nginx", false),
        ] {
            let found = allows(TWO_TEAMS, policy_file, file, image);
            assert_eq!(found, allowed, "{policy_file} writes {image} into {file}");
        }
    }
}
