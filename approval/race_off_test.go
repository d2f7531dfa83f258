//go:build !race

package approval

// fewer is 1: the tests that play many programs play all of them.
const fewer = 1
