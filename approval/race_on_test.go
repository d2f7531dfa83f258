//go:build race

package approval

// fewer is 20: the tests that play many programs play a twentieth of them. The race detector makes them that much
// slower, and looks at the same few lines in each.
const fewer = 20
