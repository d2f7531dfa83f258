// Package pgserver runs real PostgreSQL servers for tests: made anew in a temporary folder, stopped and removed with
// the test. It finds PostgreSQL's programs in the PATH, where `make verify` puts them; that they are missing fails a
// test and never skips it.
//
// PostgreSQL refuses to run as root. Where the test does, the server runs as nobody, with the one capability that lets
// it reach its own programs in a folder that is closed to others.
package pgserver
