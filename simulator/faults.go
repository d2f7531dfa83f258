package simulator

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault makes chosen calls fail in a chosen way. Calls are counted for each fault apart: those that match its operation
// and sandbox, whatever else befalls them.
type Fault struct {
	// Kind is one of FaultKinds.
	Kind string `json:"kind"`
	// Operation and Sandbox narrow the calls; empty means any to which the kind can apply.
	Operation string `json:"operation,omitempty"`
	Sandbox   string `json:"sandbox,omitempty"`
	// Call is the first matching call that fails, counted from 1; zero means 1.
	Call int `json:"call,omitempty"`
	// Times is how many calls fail; zero means all that follow.
	Times int `json:"times,omitempty"`
	// Probability is that of each due call, drawn by the simulator's seed; zero means always.
	Probability float64 `json:"probability,omitempty"`
	// RetryAfter is the header of throttle, 503 and the like: a literal value, or "date" for an HTTP date in one second,
	// "past" for one that is over, "huge" for ten years, "garbage"; empty or "absent" means no header.
	RetryAfter string `json:"retry_after,omitempty"`
	// Delay is how long latency lasts, and the longest that hang holds on (zero: ten minutes).
	Delay time.Duration `json:"delay,omitempty"`
	// Host is where redirects and next-host lead: a host, or scheme and host, with anything before a path.
	Host string `json:"host,omitempty"`
	// Href replaces the whole link of next-host.
	Href string `json:"href,omitempty"`
	// After lets the call take effect before it fails.
	After bool `json:"after,omitempty"`
	// Effect is "done" for the same as After; of a start, "none" fails it before any effect, and "later" fails it at once
	// and lets it take effect when its time is over. Empty means the kind's own: none for what stands in the place of the
	// right answer, done for what spoils it.
	Effect string `json:"effect,omitempty"`
	// Status and Form are those of the kind "status": 400 to 599, and "json", "html" or "text"; zero means 500 and json.
	Status int    `json:"status,omitempty"`
	Form   string `json:"form,omitempty"`
}

// ParseFault reads the form "operation=accounts,sandbox=dev-01,call=2,times=3,kind=throttle,retry-after=1". The keys
// are kind, operation, sandbox, call, times, probability, retry-after, delay, host, href, after, effect, status and
// form; "times=always" is the default. A href takes the rest of the text, commas and all.
func ParseFault(text string) (Fault, error) {
	var f Fault
	text, href, found := strings.Cut(text, "href=")
	if found {
		f.Href, text = href, strings.TrimSuffix(text, ",")
	}
	for part := range strings.SplitSeq(text, ",") {
		key, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			return Fault{}, fmt.Errorf("simulator: fault %q: %q is not key=value", text, part)
		}
		if err := f.set(key, value); err != nil {
			return Fault{}, fmt.Errorf("simulator: fault %q: %s: %w", text, key, err)
		}
	}
	return f, f.check()
}

func (f *Fault) set(key, value string) (err error) {
	switch key {
	case "kind":
		f.Kind = value
	case "operation":
		f.Operation = value
	case "sandbox":
		f.Sandbox = value
	case "call":
		f.Call, err = strconv.Atoi(value)
	case "times":
		if value != "always" {
			f.Times, err = strconv.Atoi(value)
		}
	case "probability":
		f.Probability, err = strconv.ParseFloat(value, 64)
	case "retry-after":
		f.RetryAfter = value
	case "delay":
		f.Delay, err = time.ParseDuration(value)
	case "host":
		f.Host = value
	default:
		err = f.setOutcome(key, value)
	}
	return err
}

func (f *Fault) setOutcome(key, value string) (err error) {
	switch key {
	case "after":
		f.After, err = strconv.ParseBool(value)
	case "effect":
		f.Effect = value
	case "status":
		f.Status, err = strconv.Atoi(value)
	case "form":
		f.Form = value
	default:
		err = fmt.Errorf("unknown key")
	}
	return err
}

// String is the form that ParseFault reads.
func (f Fault) String() string {
	parts := []string{"kind=" + f.Kind}
	add := func(key, value string, given bool) {
		if given {
			parts = append(parts, key+"="+value)
		}
	}
	add("operation", f.Operation, f.Operation != "")
	add("sandbox", f.Sandbox, f.Sandbox != "")
	add("call", strconv.Itoa(f.Call), f.Call != 0)
	add("times", strconv.Itoa(f.Times), f.Times != 0)
	add("probability", strconv.FormatFloat(f.Probability, 'g', -1, 64), f.Probability != 0)
	add("retry-after", f.RetryAfter, f.RetryAfter != "")
	add("delay", f.Delay.String(), f.Delay != 0)
	add("host", f.Host, f.Host != "")
	add("after", "true", f.After)
	add("effect", f.Effect, f.Effect != "")
	add("status", strconv.Itoa(f.Status), f.Status != 0)
	add("form", f.Form, f.Form != "")
	add("href", f.Href, f.Href != "")
	return strings.Join(parts, ",")
}

func (f Fault) check() error {
	kind, ok := findKind(f.Kind)
	switch {
	case !ok:
		return fmt.Errorf("simulator: unknown fault kind %q", f.Kind)
	case f.Call < 0 || f.Times < 0 || f.Delay < 0:
		return fmt.Errorf("simulator: fault %s: numbers must not be negative", f)
	case !(f.Probability >= 0 && f.Probability <= 1):
		return fmt.Errorf("simulator: fault %s: probability must be from 0 to 1", f)
	}
	if err := f.checkOutcome(); err != nil {
		return err
	}
	if f.Operation == "" {
		return nil
	}
	return f.checkOperation(kind)
}

// checkOutcome checks what is to become of the call.
func (f Fault) checkOutcome() error {
	switch {
	case !slices.Contains([]string{"", effectDone, effectNone, effectLater}, f.Effect):
		return fmt.Errorf("simulator: fault %s: effect must be done, none or later", f)
	case f.After && f.Effect != "":
		return fmt.Errorf("simulator: fault %s: after and effect say the same; give one", f)
	case (f.Effect == effectNone || f.Effect == effectLater) && moves[f.Operation] == nil:
		return fmt.Errorf("simulator: fault %s: effect=%s needs an operation that is a start: %s", f, f.Effect,
			strings.Join(StartOperations(), ", "))
	case f.Kind != "status" && (f.Status != 0 || f.Form != ""):
		return fmt.Errorf("simulator: fault %s: status and form go with kind=status", f)
	case f.Status != 0 && (f.Status < 400 || f.Status > 599):
		return fmt.Errorf("simulator: fault %s: status must be from 400 to 599", f)
	case !slices.Contains([]string{"", "json", "html", "text"}, f.Form):
		return fmt.Errorf("simulator: fault %s: form must be json, html or text", f)
	}
	return nil
}

func (f Fault) checkOperation(kind faultKind) error {
	known := false
	for _, r := range routeTable() {
		if r.operation != f.Operation {
			continue
		}
		if kind.applies(&r) {
			return nil
		}
		known = true
	}
	if known {
		return fmt.Errorf("simulator: fault kind %s cannot apply to operation %s", f.Kind, f.Operation)
	}
	return fmt.Errorf("simulator: unknown operation %q", f.Operation)
}

// StartOperations lists the calls that change how a credential gets its tokens.
func StartOperations() []string { return slices.Sorted(maps.Keys(moves)) }

// Operations lists the names of Adobe's calls as faults and the ledger use them.
func Operations() []string {
	var names []string
	for _, r := range routeTable() {
		names = append(names, r.operation)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// faultSet is the faults in force with their counters.
type faultSet struct {
	mu    sync.Mutex
	seed  uint64
	armed []*armedFault
}

type armedFault struct {
	Fault
	kind          faultKind
	seen, applied int
}

// SetFaults replaces the faults in force and starts their counters anew.
func (s *Simulator) SetFaults(faults []Fault) error {
	armed := make([]*armedFault, 0, len(faults))
	for _, f := range faults {
		if err := f.check(); err != nil {
			return err
		}
		kind, _ := findKind(f.Kind)
		armed = append(armed, &armedFault{Fault: f, kind: kind})
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.seed, s.faults.armed = s.options.Seed, armed
	return nil
}

// dueFaults are the faults that one call meets: any number of delays, and one that changes the answer.
type dueFaults struct {
	set   *faultSet
	delay time.Duration
	slow  bool
	main  *armedFault
}

func (d *dueFaults) names() string {
	var names []string
	if d.slow {
		names = append(names, "latency")
	}
	if d.main != nil {
		names = append(names, d.main.Kind)
	}
	return strings.Join(names, "+")
}

// effect is what becomes of a start that meets the faults.
func (d *dueFaults) effect() string {
	switch {
	case d.main == nil:
		return effectDone
	case d.main.Effect != "":
		return d.main.Effect
	case d.main.After || !d.main.kind.replaces():
		return effectDone
	}
	return effectNone
}

// letsThrough tells whether Adobe gets to see the call at all.
func (d *dueFaults) letsThrough() bool {
	return d.main == nil || !d.main.kind.replaces() || d.main.acts()
}

// unread tells whether the call is cut off before its body is read.
func (d *dueFaults) unread() bool { return d.main != nil && d.main.kind.ending == refuses }

// acts tells whether the call takes effect although the fault stands in the place of its answer.
func (f *Fault) acts() bool { return f.After || f.Effect == effectDone || f.Effect == effectLater }

// due counts a call for every fault that it matches and picks those that it meets.
func (s *faultSet) due(c *call) *dueFaults {
	s.mu.Lock()
	defer s.mu.Unlock()
	due := &dueFaults{set: s}
	for n, f := range s.armed {
		if !f.matches(c) {
			continue
		}
		f.seen++
		if f.seen < f.Call || f.Times > 0 && f.applied >= f.Times || !f.drawn(s.seed, n) {
			continue
		}
		switch {
		case f.Kind == "latency":
			due.delay, due.slow = due.delay+f.Delay, true
		case due.main == nil:
			due.main = f
		default:
			continue
		}
		f.applied++
	}
	return due
}

func (f *armedFault) matches(c *call) bool {
	return (f.Operation == "" || f.Operation == c.route.operation) && (f.Sandbox == "" || f.Sandbox == c.sandbox()) &&
		f.kind.applies(c.route)
}

// drawn throws the dice of one call, which depend on the seed, the fault and the call's number alone.
func (f *armedFault) drawn(seed uint64, n int) bool {
	if f.Probability == 0 {
		return true
	}
	d := dice{seed ^ uint64(n+1)<<40 ^ uint64(f.seen)} //nolint:gosec // both are small and not negative
	return d.chance() < f.Probability
}

// missed takes back the tick of a fault that found nothing to change.
func (d *dueFaults) missed() {
	d.set.mu.Lock()
	defer d.set.mu.Unlock()
	d.main.applied--
}

// FaultCount tells what became of a fault.
type FaultCount struct {
	Fault string `json:"fault"`
	// Matched is the number of calls that matched, Applied of those that failed by it. A fault with Applied zero was
	// never reached.
	Matched int `json:"matched"`
	Applied int `json:"applied"`
}

func (s *faultSet) counts() []FaultCount {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := make([]FaultCount, 0, len(s.armed))
	for _, f := range s.armed {
		counts = append(counts, FaultCount{f.String(), f.seen, f.applied})
	}
	return counts
}
