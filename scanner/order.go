package scanner

// OrderCheck says when a sandbox's list is read a second time, oldest first, to find accounts that the first reading
// may have skipped: those that share the time at which a page ended.
type OrderCheck string

const (
	// OrderAuto reads a list again when a page ends among accounts of one time, or the list is shorter than it was.
	OrderAuto OrderCheck = "auto"
	// OrderAlways reads every list of more than one page again.
	OrderAlways OrderCheck = "always"
	// OrderNever reads once; a list with a page that ends among accounts of one time counts as not read.
	OrderNever OrderCheck = "never"
)
