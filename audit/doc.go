// Package audit is the program's log of what it and people did: append-only, each entry bound to the one before by its
// hash, the newest entry signed. It makes and checks the bytes; keeping them is the work of package store.
//
// # Entry
//
// An entry is one line of JSON without white space, its members always all there and in this order:
//
//	{"v":1,"seq":12,"prev":"…","time":"2026-11-23T16:11:31.123456Z","run":"9f3c2a1b4d5e6f70","elapsed_us":8123456,
//	"clock":"steady","actor":{"person":"","door":"system","strength":"none"},"action":"scan-recorded",
//	"object":{"type":"scan","organization":"acme","id":"12"},"before":"","after":"","policy":"","config":"",
//	"attempt":"","request_id":"","result":"ok","facts":{"affected":3,"unseen":"…"},"hash":"…"}
//
// (broken here to fit). seq counts from 1. hash is the SHA-256, as 64 lower-case hexadecimal digits, of the text
// "jwtsunset-audit-v1", a newline, and the line without its hash member. prev is the hash of the entry before, and 64
// zeros in entry 1. Numbers are integers between -(2^53-1) and 2^53-1, which every JSON reader keeps exactly.
//
// Texts have one form each. Invalid UTF-8, NUL and the controls U+007F to U+009F become U+FFFD before writing. The
// characters " and \ are escaped by \, backspace, form feed, newline, carriage return and tab are \b \f \n \r \t, the
// other controls below U+0020 are \u00xx in lower case; everything else stands for itself. A text that would
// take more bytes than its bound is cut at a character and ends in "…".
//
// # Checkpoint
//
// A checkpoint is a signed note (golang.org/x/mod/sumdb/note) whose text is that of C2SP tlog-checkpoint with the hash
// of the last entry in the place of a Merkle tree's root: the log's name, the number of entries, the hash in base64,
// each on a line. It is signed by the Ed25519 key in force (RFC 8032); at an entry that changes the key, by the old one
// and then the new one. Because each entry contains the hash of the one before, one signature covers all before it.
//
// Which key is in force, the log says itself: entry 1 names the first and each change of keys the next. Somebody who
// has one of these keys from elsewhere, or a checkpoint, can tell the log from a forgery. Where a key was lost, an
// entry puts another in its place with the signature of the new one alone; from there on the old one proves nothing.
package audit
