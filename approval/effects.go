package approval

// Effects say what a migration by a method does and does not, in sentences for people. The facts come from Adobe's
// pages "Migrate JWT to OAuth" of Query Service and "Migrating from Service Account (JWT)" of the Developer Console.
func (m Method) Effects() []string {
	const undone = "It cannot be undone."
	switch m {
	case MethodConsole:
		return []string{
			"Name, client id, technical account, APIs and product profiles stay.",
			"First an OAuth half is added; both halves work, and nothing breaks.",
			"Then the JWT half is deleted: an application that still uses it fails from that moment, with an error " +
				"of the token exchange.",
			undone,
		}
	case MethodQueryService, MethodGuided:
		return []string{
			"Name, id and password keep working; nothing has to be configured again.",
			"It takes 8 to 10 seconds and cannot be cancelled once it has begun.",
			"The JWT is retired at once.",
			undone,
		}
	default:
		return nil
	}
}
