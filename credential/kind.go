package credential

// Kind says which of Adobe's two products a credential was made in.
type Kind string

const (
	// QueryService is a non-expiring credential of Experience Platform's Query Service (Queries > Credentials).
	QueryService Kind = "query-service"
	// DeveloperConsole is a Service Account credential that only the Developer Console shows.
	DeveloperConsole Kind = "developer-console"
)

// Kinds lists every kind, in the order in which outputs name them.
func Kinds() []Kind { return []Kind{QueryService, DeveloperConsole} }

// AuthMethod is how a credential gets its tokens, as far as Adobe lets us read it.
type AuthMethod string

const (
	// AuthJWT is the retired Service Account grant.
	AuthJWT AuthMethod = "jwt"
	// AuthBoth is a migration that was started and not finished: both grants give tokens.
	AuthBoth AuthMethod = "both"
	// AuthOAuth is OAuth Server-to-Server: nothing is left to migrate.
	AuthOAuth AuthMethod = "oauth"
	// AuthUnknown is a credential whose grant nothing we may read tells. It counts as affected.
	AuthUnknown AuthMethod = "unknown"
)

// AuthMethods lists every auth method, in the order in which outputs name them.
func AuthMethods() []AuthMethod { return []AuthMethod{AuthJWT, AuthBoth, AuthOAuth, AuthUnknown} }

// Eligible says whether Adobe would offer the migration of a credential.
type Eligible string

const (
	// EligibleYes is a JWT credential whose migration the Console says can be started or finished.
	EligibleYes Eligible = "yes"
	// EligibleNo is a credential that cannot be migrated by us: it is on OAuth already, or read-only.
	EligibleNo Eligible = "no"
	// EligibleUnknown is a credential of which no documented read tells.
	EligibleUnknown Eligible = "unknown"
)

// Proof is how it is known that a credential was migrated where scans cannot tell.
type Proof string

// The proofs. An attested one is a person's word, which never passes for a read.
const (
	ProofRead     Proof = "read"
	ProofAttested Proof = "attested"
)

// Presence says whether the latest complete looks still met a credential.
type Presence string

const (
	// Present is a credential met by the last complete scan, or missed by one only.
	Present Presence = "present"
	// Gone is a credential missing from two complete scans in a row. It was not migrated by us.
	Gone Presence = "gone"
)

// State is the one word for where a credential stands; gauges count by it.
type State string

// The states of the metric contract. The scanner can tell affected, migrated and gone; the others come with
// approvals and migrations.
const (
	StateAffected       State = "affected"
	StateRequested      State = "requested"
	StateApproved       State = "approved"
	StateStaged         State = "staged"
	StateRunning        State = "running"
	StateNeedsAttention State = "needs_attention"
	StateMigrated       State = "migrated"
	StateAttested       State = "attested"
	StateGone           State = "gone"
	StateExempt         State = "exempt"
)

// States lists every state, in the order of a credential's life.
func States() []State {
	return []State{
		StateAffected, StateRequested, StateApproved, StateStaged, StateRunning,
		StateNeedsAttention, StateMigrated, StateAttested, StateGone, StateExempt,
	}
}
