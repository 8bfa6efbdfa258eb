//! Digests as words, to be read aloud and compared with paper: the PGP word list (P. Juola and P. Zimmermann, "Whole-word phonetic
//! distances and the PGPfone alphabet", ICSLP 1996).
//!
//! A byte in an even place (the first has number 0) is a word of two syllables, one in an odd place a word of three: a word that is
//! left out, said twice or swapped with its neighbour is seen.

use std::fmt;

/// The words of `bytes`, one a byte.
#[must_use]
pub fn words(bytes: &[u8]) -> Vec<&'static str> {
    bytes.iter().enumerate().map(|(place, byte)| list(place)[usize::from(*byte)]).collect()
}

/// The same as lines of eight words, each with the number of its first byte in front: `00  aardvark …`.
#[must_use]
pub fn lines(bytes: &[u8]) -> Vec<String> {
    words(bytes).chunks(8).enumerate().map(|(i, line)| format!("{:02}  {}", i * 8, line.join(" "))).collect()
}

/// What is wrong with a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordError {
    /// Its place in the text, from 1.
    pub place: usize,
    /// The word as it was given.
    pub word: String,
    /// What is wrong with it.
    pub wrong: Wrong,
}

/// The two ways in which a word is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It is not in the list; the nearest one that is, when one is near.
    Unknown(Option<&'static str>),
    /// It belongs to the other places.
    Place,
}

impl fmt::Display for WordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, word, wrong } = self;
        // A word comes from a keyboard or from a file: letters and digits alone are told.
        let word: String = word.chars().take(24).map(|c| if c.is_ascii_alphanumeric() { c } else { '?' }).collect();
        match wrong {
            Wrong::Unknown(Some(near)) => write!(f, "word {place}, \"{word}\", is not in the list; the nearest is \"{near}\""),
            Wrong::Unknown(None) => write!(f, "word {place}, \"{word}\", is not in the list, and none is near"),
            Wrong::Place => {
                let (is, right) = if place % 2 == 1 { ("three", "two") } else { ("two", "three") };
                let why = "a word up to here is left out, said twice or swapped";
                write!(f, "word {place}, \"{word}\", has {is} syllables and one of {right} belongs there: {why}")
            }
        }
    }
}

impl std::error::Error for WordError {}

/// The words of a text: white space, commas, dashes, semicolons and full stops stand between them.
fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || matches!(c, ',' | '-' | '.' | ';')).filter(|w| !w.is_empty())
}

/// Whether somebody means words by a text: two or more of it are in the list.
#[must_use]
pub fn are_words(text: &str) -> bool {
    split(text).filter(|w| find(&EVEN, w).or_else(|| find(&ODD, w)).is_some()).nth(1).is_some()
}

/// The bytes of words, in upper or lower case.
///
/// # Errors
/// With the first word that is wrong and its place.
pub fn from_words(text: &str) -> Result<Vec<u8>, WordError> {
    split(text)
        .enumerate()
        .map(|(place, word)| {
            find(list(place), word).ok_or_else(|| {
                let other = find(list(place + 1), word).is_some();
                let wrong = if other { Wrong::Place } else { Wrong::Unknown(nearest(place, word)) };
                WordError { place: place + 1, word: word.to_owned(), wrong }
            })
        })
        .collect()
}

fn list(place: usize) -> &'static [&'static str; 256] {
    if place.is_multiple_of(2) { &EVEN } else { &ODD }
}

fn find(list: &[&str; 256], word: &str) -> Option<u8> {
    list.iter().position(|w| w.eq_ignore_ascii_case(word)).and_then(|i| u8::try_from(i).ok())
}

/// The word that fewest changes lead to, three at most; of equally near ones the one that fits the place.
fn nearest(place: usize, word: &str) -> Option<&'static str> {
    let word: Vec<u8> = word.bytes().take(24).map(|b| b.to_ascii_lowercase()).collect();
    let near = |list: &'static [&'static str; 256]| list.iter().map(|w| (distance(&word, w.to_ascii_lowercase().as_bytes()), *w));
    near(list(place)).chain(near(list(place + 1))).filter(|(d, _)| *d <= 3).min_by_key(|(d, _)| *d).map(|(_, w)| w)
}

/// How many letters must be put in, taken out or replaced (Levenshtein).
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for ((corner, above), y) in row.iter().zip(row.iter().skip(1)).zip(b) {
            let left = next.last().copied().unwrap_or(i + 1);
            next.push((corner + usize::from(x != y)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

/// Two syllables, for even places.
#[rustfmt::skip]
static EVEN: [&str; 256] = [
    "aardvark", "absurd", "accrue", "acme", "adrift", "adult", "afflict", "ahead", "aimless", "Algol", "allow", "alone", "ammo",
    "ancient", "apple", "artist", "assume", "Athens", "atlas", "Aztec", "baboon", "backfield", "backward", "banjo", "beaming", "bedlamp",
    "beehive", "beeswax", "befriend", "Belfast", "berserk", "billiard", "bison", "blackjack", "blockade", "blowtorch", "bluebird",
    "bombast", "bookshelf", "brackish", "breadline", "breakup", "brickyard", "briefcase", "Burbank", "button", "buzzard", "cement",
    "chairlift", "chatter", "checkup", "chisel", "choking", "chopper", "Christmas", "clamshell", "classic", "classroom", "cleanup",
    "clockwork", "cobra", "commence", "concert", "cowbell", "crackdown", "cranky", "crowfoot", "crucial", "crumpled", "crusade", "cubic",
    "dashboard", "deadbolt", "deckhand", "dogsled", "dragnet", "drainage", "dreadful", "drifter", "dropper", "drumbeat", "drunken",
    "Dupont", "dwelling", "eating", "edict", "egghead", "eightball", "endorse", "endow", "enlist", "erase", "escape", "exceed",
    "eyeglass", "eyetooth", "facial", "fallout", "flagpole", "flatfoot", "flytrap", "fracture", "framework", "freedom", "frighten",
    "gazelle", "Geiger", "glitter", "glucose", "goggles", "goldfish", "gremlin", "guidance", "hamlet", "highchair", "hockey", "indoors",
    "indulge", "inverse", "involve", "island", "jawbone", "keyboard", "kickoff", "kiwi", "klaxon", "locale", "lockup", "merit", "minnow",
    "miser", "Mohawk", "mural", "music", "necklace", "Neptune", "newborn", "nightbird", "Oakland", "obtuse", "offload", "optic", "orca",
    "payday", "peachy", "pheasant", "physique", "playhouse", "Pluto", "preclude", "prefer", "preshrunk", "printer", "prowler", "pupil",
    "puppy", "python", "quadrant", "quiver", "quota", "ragtime", "ratchet", "rebirth", "reform", "regain", "reindeer", "rematch", "repay",
    "retouch", "revenge", "reward", "rhythm", "ribcage", "ringbolt", "robust", "rocker", "ruffled", "sailboat", "sawdust", "scallion",
    "scenic", "scorecard", "Scotland", "seabird", "select", "sentence", "shadow", "shamrock", "showgirl", "skullcap", "skydive",
    "slingshot", "slowdown", "snapline", "snapshot", "snowcap", "snowslide", "solo", "southward", "soybean", "spaniel", "spearhead",
    "spellbind", "spheroid", "spigot", "spindle", "spyglass", "stagehand", "stagnate", "stairway", "standard", "stapler", "steamship",
    "sterling", "stockman", "stopwatch", "stormy", "sugar", "surmount", "suspense", "sweatband", "swelter", "tactics", "talon",
    "tapeworm", "tempest", "tiger", "tissue", "tonic", "topmost", "tracker", "transit", "trauma", "treadmill", "Trojan", "trouble",
    "tumor", "tunnel", "tycoon", "uncut", "unearth", "unwind", "uproot", "upset", "upshot", "vapor", "village", "virus", "Vulcan",
    "waffle", "wallet", "watchword", "wayside", "willow", "woodlark", "Zulu",
];

/// Three syllables, for odd places.
#[rustfmt::skip]
static ODD: [&str; 256] = [
    "adroitness", "adviser", "aftermath", "aggregate", "alkali", "almighty", "amulet", "amusement", "antenna", "applicant", "Apollo",
    "armistice", "article", "asteroid", "Atlantic", "atmosphere", "autopsy", "Babylon", "backwater", "barbecue", "belowground",
    "bifocals", "bodyguard", "bookseller", "borderline", "bottomless", "Bradbury", "bravado", "Brazilian", "breakaway", "Burlington",
    "businessman", "butterfat", "Camelot", "candidate", "cannonball", "Capricorn", "caravan", "caretaker", "celebrate", "cellulose",
    "certify", "chambermaid", "Cherokee", "Chicago", "clergyman", "coherence", "combustion", "commando", "company", "component",
    "concurrent", "confidence", "conformist", "congregate", "consensus", "consulting", "corporate", "corrosion", "councilman",
    "crossover", "crucifix", "cumbersome", "customer", "Dakota", "decadence", "December", "decimal", "designing", "detector", "detergent",
    "determine", "dictator", "dinosaur", "direction", "disable", "disbelief", "disruptive", "distortion", "document", "embezzle",
    "enchanting", "enrollment", "enterprise", "equation", "equipment", "escapade", "Eskimo", "everyday", "examine", "existence", "exodus",
    "fascinate", "filament", "finicky", "forever", "fortitude", "frequency", "gadgetry", "Galveston", "getaway", "glossary", "gossamer",
    "graduate", "gravity", "guitarist", "hamburger", "Hamilton", "handiwork", "hazardous", "headwaters", "hemisphere", "hesitate",
    "hideaway", "holiness", "hurricane", "hydraulic", "impartial", "impetus", "inception", "indigo", "inertia", "infancy", "inferno",
    "informant", "insincere", "insurgent", "integrate", "intention", "inventive", "Istanbul", "Jamaica", "Jupiter", "leprosy",
    "letterhead", "liberty", "maritime", "matchmaker", "maverick", "Medusa", "megaton", "microscope", "microwave", "midsummer",
    "millionaire", "miracle", "misnomer", "molasses", "molecule", "Montana", "monument", "mosquito", "narrative", "nebula", "newsletter",
    "Norwegian", "October", "Ohio", "onlooker", "opulent", "Orlando", "outfielder", "Pacific", "pandemic", "Pandora", "paperweight",
    "paragon", "paragraph", "paramount", "passenger", "pedigree", "Pegasus", "penetrate", "perceptive", "performance", "pharmacy",
    "phonetic", "photograph", "pioneer", "pocketful", "politeness", "positive", "potato", "processor", "provincial", "proximate",
    "puberty", "publisher", "pyramid", "quantity", "racketeer", "rebellion", "recipe", "recover", "repellent", "replica", "reproduce",
    "resistor", "responsive", "retraction", "retrieval", "retrospect", "revenue", "revival", "revolver", "sandalwood", "sardonic",
    "Saturday", "savagery", "scavenger", "sensation", "sociable", "souvenir", "specialist", "speculate", "stethoscope", "stupendous",
    "supportive", "surrender", "suspicious", "sympathy", "tambourine", "telephone", "therapist", "tobacco", "tolerance", "tomorrow",
    "torpedo", "tradition", "travesty", "trombonist", "truncated", "typewriter", "ultimate", "undaunted", "underfoot", "unicorn", "unify",
    "universe", "unravel", "upcoming", "vacancy", "vagabond", "vertigo", "Virginia", "visitor", "vocalist", "voyager", "warranty",
    "Waterloo", "whimsical", "Wichita", "Wilmington", "Wyoming", "yesteryear", "Yucatan",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::unhex;

    /// The example that is published with descriptions of the list.
    const BYTES: &str = "e58294f2e9a227486e8b061b31cc528fd7fa3f19";
    const WORDS: &str = "topmost Istanbul Pluto vagabond treadmill Pacific brackish dictator goldfish Medusa \
                         afflict bravado chatter revolver Dupont midsummer stopwatch whimsical cowbell bottomless";

    #[test]
    fn words_are_those_of_the_published_example_and_lead_back() {
        let bytes = unhex(BYTES).unwrap();
        assert_eq!(words(&bytes).join(" "), WORDS);
        assert_eq!(from_words(WORDS).as_deref(), Ok(&bytes[..]));
        assert_eq!(from_words(&WORDS.to_uppercase().replace(' ', ", ")).as_deref(), Ok(&bytes[..]));
        assert_eq!(lines(&bytes)[1], "08  goldfish Medusa afflict bravado chatter revolver Dupont midsummer");
    }

    #[test]
    fn every_byte_has_a_word_of_its_own_in_both_places() {
        let all: Vec<u8> = (0..=255).flat_map(|b| [b, b]).collect();
        let said = words(&all);
        let distinct: std::collections::BTreeSet<String> = said.iter().map(|w| w.to_lowercase()).collect();
        assert_eq!(distinct.len(), 512);
        assert_eq!(from_words(&said.join("-")).as_deref(), Ok(&all[..]));
        assert_eq!((said[0], said[1], said[510], said[511]), ("aardvark", "adroitness", "Zulu", "Yucatan"));
    }

    #[test]
    fn a_wrong_word_is_named_with_its_place() {
        let said = |text: &str| from_words(text).unwrap_err().to_string();
        assert_eq!(said("topmost Istambul"), "word 2, \"Istambul\", is not in the list; the nearest is \"Istanbul\"");
        assert!(said("topmost xylophonist").contains("none is near"));
        assert!(said("topmost Pluto vagabond").starts_with("word 2, \"Pluto\", has two syllables and one of three belongs there"));
        assert!(said("Istanbul topmost").starts_with("word 1, \"Istanbul\", has three syllables"));
        assert!(said("topmost topmost").starts_with("word 2"));
        assert!(!said("a\u{1b}[2J b").chars().any(char::is_control));
    }

    #[test]
    fn what_somebody_means_by_a_text_is_told_by_two_words() {
        assert!(are_words("topmost Istambul Pluto") && !are_words("topmost") && !are_words("/tmp/list.txt") && !are_words("31fb 14e8"));
    }
}
