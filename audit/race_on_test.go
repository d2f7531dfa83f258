//go:build race

package audit

// everyNth is 17: TestEveryByte tries 15 of the 255 other values of a byte. The race detector makes it ten times slower
// and has nothing to find in it, for it runs in one goroutine; without the detector it tries all.
const everyNth = 17
