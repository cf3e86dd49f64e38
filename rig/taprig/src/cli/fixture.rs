//! Cards and validator profiles that an argument names.

use std::path::Path;

use taprig_card::Card;
use taprig_case::project::Fixture;
use taprig_case::{Diagnostic, Problems, Project, Workshop, plan};
use taprig_model::situation::Situation;
use taprig_model::validator::Validator;

/// The profile of a validator if no argument names one.
pub(super) const DEFAULT_PROFILE: &str = "shangluo-flat-1-yuan";

/// The card that results from a card image without changes: a name in `fixtures/cards`, or a file. Its name comes first.
pub(super) fn card(project: &Project, workshop: &mut Workshop, image: &str) -> Result<(String, Card), Problems> {
    let file = project.meant(Fixture::Card, image)?;
    let mut problems = Problems::default();
    let card = workshop.card_of(&file, &[], &mut problems);
    let Some(Ok(card)) = problems.into_result(card)? else {
        return Err(Diagnostic::of_file(&file, "taprig can't make a card from this image").into());
    };
    Ok((stem(&file), card))
}

/// The state of a validator with a profile, which is a name in `fixtures/validators`, or a file. The name comes first.
pub(super) fn situation(
    project: &Project,
    workshop: &mut Workshop,
    profile: &str,
) -> Result<(String, Situation), Problems> {
    let file = project.meant(Fixture::Validator, profile)?;
    let profile: Validator = project.load_file(Fixture::Validator, &file)?;
    let mut problems = Problems::default();
    let situation = plan::keys(workshop, &mut problems).situation(&profile.settings);
    Ok((stem(&file), problems.into_result(situation)?))
}

/// The name of a fixture is the name of its file.
fn stem(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
