//! The data that every account of the CRM begins with; dated back from the start of the process, and never random.

use std::time::Duration;

use crate::base::clock::Timestamp;

use super::activities::{Activity, ActivityType};
use super::automations::{Action, Automation, Trigger};
use super::contacts::{Contact, ContactStatus};
use super::deals::{Deal, Stage};
use super::users::{Role, User};
use super::world::Tenant;

const USERS: [(&str, &str, Role, bool); 5] = [
    ("Grace Okafor", "grace.okafor", Role::Admin, true),
    ("Tomás Herrera", "tomas.herrera", Role::Manager, true),
    ("Mei-Ling Chen", "meiling.chen", Role::Rep, true),
    ("Jonas Weber", "jonas.weber", Role::Rep, true),
    ("Priya Nair", "priya.nair", Role::Rep, false),
];

/// First name, last name, company, domain, job title, status, tags.
type Person = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    ContactStatus,
    &'static [&'static str],
);

// One record a line reads as a table.
#[rustfmt::skip]
const CONTACTS: [Person; 20] = {
    use ContactStatus::{Customer, Former, Lead, Prospect};
    [
        ("Ada", "Lovell", "Analytica Works", "analytica.example", "Head of Data", Customer, &["vip", "newsletter"]),
        ("Marcus", "Bell", "Northwind Freight", "northwind.example", "Fleet Manager", Customer, &["logistics"]),
        ("Sofia", "Rossi", "Casa Verde", "casaverde.example", "Owner", Prospect, &["trade-fair"]),
        ("Liam", "O'Connor", "Harbour & Pine", "harbourpine.example", "Buyer", Lead, &[]),
        ("Yuki", "Tanaka", "Kumo Robotics", "kumo.example", "CTO", Customer, &["vip"]),
        ("Fatima", "Zahra", "Atlas Solar", "atlassolar.example", "Procurement Lead", Prospect, &["energy"]),
        ("Henrik", "Dahl", "Fjord Seafood", "fjordsea.example", "Sales Director", Lead, &["newsletter"]),
        ("Chloé", "Martin", "Atelier Martin", "ateliermartin.example", "Founder", Customer, &[]),
        ("Samuel", "Adeyemi", "Lagos Build Co", "lagosbuild.example", "Project Manager", Prospect, &["construction"]),
        ("Ingrid", "Larsen", "Nordlys Media", "nordlys.example", "Marketing Lead", Lead, &["webinar"]),
        ("Diego", "Fernández", "Pampa Foods", "pampa.example", "COO", Former, &[]),
        ("Emily", "Hart", "Hart Dental Group", "hartdental.example", "Practice Manager", Customer, &["health"]),
        ("Arjun", "Mehta", "Monsoon Textiles", "monsoon.example", "Export Manager", Prospect, &["trade-fair"]),
        ("Olga", "Petrova", "Baltic Timber", "baltictimber.example", "Finance Director", Lead, &[]),
        ("Noah", "Kim", "Seoul Street Kitchen", "seoulstreet.example", "Owner", Lead, &["webinar", "newsletter"]),
        ("Amara", "Diallo", "Sahel Logistics", "sahellog.example", "Operations Manager", Customer, &["logistics"]),
        ("Peter", "Novak", "Novak & Sons Brewing", "novakbrew.example", "Brewmaster", Prospect, &[]),
        ("Hannah", "Schmidt", "Rhein Optik", "rheinoptik.example", "Head of Retail", Lead, &["newsletter"]),
        ("Victor", "Almeida", "Porto Cork", "portocork.example", "Commercial Director", Former, &[]),
        ("Leila", "Haddad", "Cedar Clinics", "cedarclinics.example", "IT Lead", Prospect, &["health", "vip"]),
    ]
};

/// Name, stage, amount in minor units, currency, contact, opened and closed so many days ago.
type Sale = (
    &'static str,
    Stage,
    u64,
    &'static str,
    usize,
    u64,
    Option<u64>,
);

// One record a line reads as a table.
#[rustfmt::skip]
const DEALS: [Sale; 14] = [
    ("Analytica: team plan", Stage::Won, 1_200_000, "USD", 0, 150, Some(118)),
    ("Northwind: fleet roll-out", Stage::Won, 4_850_000, "USD", 1, 132, Some(71)),
    ("Kumo: annual licence", Stage::Won, 9_000_000, "USD", 4, 110, Some(44)),
    ("Pampa: pilot", Stage::Lost, 350_000, "USD", 10, 104, Some(80)),
    ("Atelier Martin: starter", Stage::Won, 96_000, "EUR", 7, 90, Some(62)),
    ("Hart Dental: five practices", Stage::Won, 1_750_000, "USD", 11, 77, Some(19)),
    ("Porto Cork: renewal", Stage::Lost, 640_000, "EUR", 18, 70, Some(33)),
    ("Atlas Solar: regional plan", Stage::Proposal, 2_600_000, "EUR", 5, 48, None),
    ("Casa Verde: starter", Stage::Qualified, 88_000, "EUR", 2, 36, None),
    ("Lagos Build: site teams", Stage::Proposal, 1_430_000, "USD", 8, 31, None),
    ("Monsoon: export desk", Stage::Qualified, 720_000, "USD", 12, 22, None),
    ("Sahel: second depot", Stage::Proposal, 1_980_000, "EUR", 15, 17, None),
    ("Novak: taproom", Stage::Lead, 54_000, "EUR", 16, 9, None),
    ("Cedar Clinics: evaluation", Stage::Lead, 3_100_000, "USD", 19, 4, None),
];

/// Type, subject, contact, hours ago, minutes.
// One record a line reads as a table.
#[rustfmt::skip]
const ACTIVITIES: [(ActivityType, &str, usize, u64, Option<u64>); 16] = {
    use ActivityType::{Call, Email, Meeting, Note};
    [
        (Meeting, "Kick-off with the data team", 0, 2_900, Some(60)),
        (Call, "Price questions", 1, 1_850, Some(25)),
        (Email, "Sent the licence agreement", 4, 1_100, None),
        (Note, "Prefers to be called after 16:00", 7, 1_000, None),
        (Meeting, "On-site visit, practice in Leeds", 11, 620, Some(90)),
        (Email, "Renewal reminder", 18, 800, None),
        (Call, "Asked about the regional plan", 5, 430, Some(18)),
        (Email, "Follow-up from the trade fair", 2, 380, None),
        (Meeting, "Demo for the site managers", 8, 300, Some(45)),
        (Note, "Budget is decided in the first quarter", 12, 250, None),
        (Call, "Left a message", 12, 220, Some(2)),
        (Email, "Proposal for the second depot", 15, 170, None),
        (Call, "Went through the proposal", 15, 96, Some(35)),
        (Note, "Competitor mentioned: two quotes outstanding", 5, 70, None),
        (Call, "First conversation", 16, 50, Some(12)),
        (Meeting, "Security questionnaire", 19, 20, Some(40)),
    ]
};

fn days(n: u64) -> Duration {
    Duration::from_secs(n * 86_400)
}

/// The seeded records as of `now`.
pub(super) fn tenant(now: Timestamp) -> Tenant {
    let mut tenant = Tenant::empty();
    users(&mut tenant, now);
    contacts(&mut tenant, now);
    deals(&mut tenant, now);
    activities(&mut tenant, now);
    automations(&mut tenant, now);
    tenant
}

fn users(tenant: &mut Tenant, now: Timestamp) {
    for (name, local, role, active) in USERS {
        tenant.users.insert(|id| User {
            id,
            name: name.to_owned(),
            email: format!("{local}@leadfuel.example"),
            role,
            active,
            created_at: now.minus(days(400)),
        });
    }
}

/// The id of the nth seeded record: tables number from 1001.
fn id(prefix: &str, index: usize) -> Option<String> {
    Some(format!("{prefix}{}", 1001 + index))
}

/// Seeded records go round among the three who sell.
fn owner(index: usize) -> Option<String> {
    id("usr_", 1 + index % 3)
}

fn contacts(tenant: &mut Tenant, now: Timestamp) {
    for (i, (first, last, company, domain, title, status, tags)) in CONTACTS.into_iter().enumerate()
    {
        let index = u64::try_from(i).unwrap_or(0);
        let email = format!("{}@{domain}", plain(first));
        let created_at = now.minus(days(400 - 12 * index));
        let contact = tenant.contacts.insert(|id| Contact {
            id,
            name: format!("{first} {last}"),
            first_name: Some(first.to_owned()),
            last_name: Some(last.to_owned()),
            email: Some(email.clone()),
            phone: Some(format!("+1 555 01{:02}", 10 + index)),
            company: Some(company.to_owned()),
            job_title: Some(title.to_owned()),
            status,
            owner_id: owner(i),
            tags: tags.iter().map(|t| (*t).to_owned()).collect(),
            created_at,
            updated_at: created_at,
        });
        tenant.emails.insert(email, contact.id);
    }
}

/// A first name as the local part of an address.
fn plain(name: &str) -> String {
    name.to_lowercase().replace('é', "e")
}

fn deals(tenant: &mut Tenant, now: Timestamp) {
    for (i, (name, stage, amount, currency, contact, opened, closed)) in
        DEALS.into_iter().enumerate()
    {
        let closed_at = closed.map(|n| now.minus(days(n)));
        let created_at = now.minus(days(opened));
        tenant.deals.insert(|deal_id| Deal {
            id: deal_id,
            name: name.to_owned(),
            stage,
            amount,
            currency: currency.to_owned(),
            contact_id: id("con_", contact),
            owner_id: owner(i),
            expected_close_on: None,
            closed_at,
            created_at,
            updated_at: closed_at.unwrap_or(created_at),
        });
    }
}

fn activities(tenant: &mut Tenant, now: Timestamp) {
    for (i, (kind, subject, contact, hours, minutes)) in ACTIVITIES.into_iter().enumerate() {
        let at = now.minus(Duration::from_secs(hours * 3600));
        let deal = DEALS.iter().position(|d| d.4 == contact);
        tenant.activities.insert(|activity_id| Activity {
            id: activity_id,
            kind,
            subject: subject.to_owned(),
            body: None,
            contact_id: id("con_", contact),
            deal_id: deal.and_then(|d| id("deal_", d)),
            user_id: owner(i),
            duration_minutes: minutes,
            occurred_at: at,
            created_at: at,
        });
    }
}

fn automations(tenant: &mut Tenant, now: Timestamp) {
    let note = |text: &str| Action::LogNote {
        text: text.to_owned(),
    };
    let tag = |tag: &str| Action::AddTag {
        tag: tag.to_owned(),
    };
    let all = [
        (
            "Start the onboarding",
            Trigger::Manual,
            vec![tag("onboarding"), note("Onboarding was started.")],
            true,
        ),
        (
            "Thank for the order",
            Trigger::DealWon,
            vec![note("Thank-you letter was sent.")],
            true,
        ),
        // Off, so that a contact stays as it was created until somebody wants this.
        (
            "Welcome new leads",
            Trigger::ContactCreated,
            vec![tag("welcome")],
            false,
        ),
    ];
    for (name, trigger, actions, enabled) in all {
        tenant.automations.insert(|id| Automation {
            id,
            name: name.to_owned(),
            trigger,
            actions,
            enabled,
            run_count: 0,
            last_run_at: None,
            created_at: now.minus(days(120)),
            updated_at: now.minus(days(120)),
        });
    }
}
