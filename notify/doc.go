// Package notify decides who is told what about credentials that must be migrated, when, and why; and sees that it is
// sent once.
//
// It works in small stages: select the credentials that need somebody, resolve whom each belongs to, find the step that
// is due, group by recipient, silence what must wait, queue, and then, message by message: claim, read the state again,
// render, send, record. The stages that decide are pure functions of a State and return a reason for each credential,
// whether something is sent or not. Only the resolving of people and the sending talk to the outside, through the
// interfaces Directory and Sink; what must survive is behind the interface Ledger.
package notify
