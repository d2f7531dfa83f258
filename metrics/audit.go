package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Store and audit log.
var (
	storeWritable = gauge("store_writable",
		"1 if the latest write to the store was recorded, 0 if it was not: nothing that must be recorded happens meanwhile."+
			" Absent until the first.")
	storeSound = gauge("store_sound",
		"1 if the latest check of the whole store found no damage, 0 if it found some. Absent until the first.")
	auditEntries = gauge("audit_entries",
		"Entries of the audit log. It never falls: a lower value is a log that was cut or put back.")
	auditHead = gauge("audit_head_info",
		"The newest checkpoint of the audit log, always 1: the hash of its last entry, and the key that signed it.",
		"hash", "key")
	auditFailures = counter("audit_append_failures_total",
		"Entries that could not be added to the audit log. What they were to record did not happen.")
	auditValid = gauge("audit_chain_valid",
		"1 if the latest verification found the audit log sound, 0 if it was tampered with. Absent until the first.")
	auditVerified = gauge("audit_last_verification_timestamp_seconds",
		"Instant of the latest verification of the audit log that came to a result, in Unix seconds. Absent until the first.")
)

func auditFamilies() []*family {
	return []*family{
		storeWritable, storeSound, auditEntries, auditHead, auditFailures, auditValid, auditVerified,
	}
}

// ledger shows how the store and its audit log are.
type ledger struct {
	failures prometheus.Counter

	mu       sync.Mutex
	writable *bool
	sound    *bool
	valid    *bool
	entries  int64
	hash     string
	key      string
	verified time.Time
}

func newLedger() *ledger { return &ledger{failures: auditFailures.counter().WithLabelValues()} }

// Describe and Collect make a ledger a prometheus.Collector.
func (l *ledger) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range auditFamilies() {
		ch <- f.desc
	}
}

// Collect emits what is known; what is not has no series.
func (l *ledger) Collect(ch chan<- prometheus.Metric) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures.Collect(ch)
	emit := func(f *family, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(f.desc, prometheus.GaugeValue, value, labels...)
	}
	emitIf := func(f *family, known *bool) {
		if known != nil {
			emit(f, number(*known))
		}
	}
	emitIf(storeWritable, l.writable)
	emitIf(storeSound, l.sound)
	emitIf(auditValid, l.valid)
	if l.hash != "" {
		emit(auditEntries, float64(l.entries))
		emit(auditHead, 1, l.hash, l.key)
	}
	if !l.verified.IsZero() {
		emit(auditVerified, seconds(l.verified))
	}
}

// AuditHead tells the newest checkpoint of the audit log: how many entries it is of, the hash of the last in hex, and
// the key that signed it, as people compare it.
func (m *Metrics) AuditHead(entries int64, hash, key string) {
	m.ledger.mu.Lock()
	defer m.ledger.mu.Unlock()
	m.ledger.entries, m.ledger.hash, m.ledger.key = entries, clean(hash), clean(key)
}

// AuditAppended is AuditHead for an entry that was recorded just now: the store can be written.
func (m *Metrics) AuditAppended(entries int64, hash, key string) {
	m.AuditHead(entries, hash, key)
	m.ledger.mu.Lock()
	defer m.ledger.mu.Unlock()
	m.ledger.writable = new(true)
}

// AuditFailed counts an entry that could not be added to the audit log.
func (m *Metrics) AuditFailed() {
	m.ledger.failures.Inc()
	m.ledger.mu.Lock()
	defer m.ledger.mu.Unlock()
	m.ledger.writable = new(false)
}

// AuditVerified tells the outcome of a verification of the audit log that came to a result.
func (m *Metrics) AuditVerified(at time.Time, valid bool) {
	m.ledger.mu.Lock()
	defer m.ledger.mu.Unlock()
	m.ledger.valid, m.ledger.verified = new(valid), at
}

// StoreChecked tells whether a check of the whole store found it without damage.
func (m *Metrics) StoreChecked(sound bool) {
	m.ledger.mu.Lock()
	defer m.ledger.mu.Unlock()
	m.ledger.sound = new(sound)
}

// troubles are what people must know of store and audit log, worst first; none when all is well.
func (l *ledger) troubles() (all []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	is := func(known *bool, value bool) bool { return known != nil && *known == value }
	if is(l.valid, false) {
		all = append(all, "The audit log was tampered with: run jwtsunset audit verify, which names the entry.")
	}
	if is(l.sound, false) {
		all = append(all, "The store is damaged: run jwtsunset store check, and restore a backup.")
	}
	if is(l.writable, false) {
		all = append(all, "The latest write was not recorded, the log says why. What is shown is from before.")
	}
	return all
}
