//! The status page and its API: what [`super::picture`] holds, for people and for programs, from the same structures.
//!
//! Read-only. A request is answered by a pure function of the picture, the request and who asks; the listener is bounded in
//! connections, headers and time.
//!
//! | file | says |
//! |---|---|
//! | `door` | who may look |
//! | `query` | filters, search, pages |
//! | `show` | the documents of the API |
//! | `html` | the same documents as pages |
//! | `plot` | the small plots |
//! | `routes` | which address answers what, and with which headers |
//! | `listen` | at which address, within which bounds |

mod door;
mod html;
mod listen;
mod plot;
mod query;
mod routes;
mod show;

pub use door::{Door, MIN_TOKEN, Rules, Visitor};
pub use listen::{Guarded, listen};
pub use query::{MAX_LIMIT, MAX_QUERY, USUAL_LIMIT};
pub use routes::{Page, respond};
