package simulator

import "net/http"

// startFaultKinds are kinds that make sense for starts alone, beside those that fit any call.
var startFaultKinds = []faultKind{
	ofStart(instead("already", "400: already migrated", func(c *call, _ *Fault) reply {
		if c.route.operation == "migrate" {
			return alreadyMigrated(http.StatusBadRequest)
		}
		return c.wrongState("already migrated")
	})),
	ofStart(instead("already-409", "409: already migrated", func(*call, *Fault) reply {
		return alreadyMigrated(http.StatusConflict)
	})),
	ofStart(instead("empty-200", "200 without a body", func(*call, *Fault) reply {
		return reply{status: http.StatusOK, kind: jsonKind}
	})),
	ofStart(instead("wrong-json", "200 with JSON of another shape", func(*call, *Fault) reply {
		return jsonReply(http.StatusOK, []map[string]any{{"result": map[string]bool{"ok": true}}})
	})),
	ofStart(instead("other-id", "a success that names another credential", func(c *call, _ *Fault) reply {
		return c.outcome(c.stranger(), c.goal())
	})),
	ofStart(instead("unknown-status", "a success with a status word that nobody knows", func(c *call, _ *Fault) reply {
		return c.outcome(c.startedAccount(), "Transmogrified")
	})),
	ofStart(instead("still-eligible", "a success that tells the status from before", func(c *call, _ *Fault) reply {
		return c.outcome(c.startedAccount(), c.origin())
	})),
	ofStart(instead("accepted-202", "202, as for work that goes on", func(*call, *Fault) reply {
		return jsonReply(http.StatusAccepted, map[string]string{"status": "Accepted"})
	})),
	ofStart(instead("no-content", "204", func(*call, *Fault) reply { return noContent(http.StatusNoContent) })),
	ofStart(instead("redirect-303", "303 to another host", redirect(http.StatusSeeOther))),
	ofStart(instead("redirect-308", "308 to another host", redirect(http.StatusPermanentRedirect))),
	ofStart(ends("reset-unread", "the connection is reset before the body is read", refuses)),
	ofStart(ends("cut-head", "the connection is cut in the middle of the answer's head", cutsHead)),
	ofStart(ends("bad-http", "bytes that are not HTTP, and the end of the connection", babbles)),
	ofStart(ends("stall", "half of the right answer, and no more until the client gives up", stalls)),
	ofStart(ends("slow", "the right answer byte by byte, delay before each (0.1s)", trickles)),
}

func ofStart(k faultKind) faultKind {
	k.applies = func(r *route) bool { return r.start }
	return k
}

// StartFaultKinds lists the kinds of faults that only starts can meet.
func StartFaultKinds() []FaultKind {
	var kinds []FaultKind
	for _, k := range startFaultKinds {
		kinds = append(kinds, k.FaultKind)
	}
	return kinds
}

// StartFaults lists every way in which one of StartOperations can fail, each once with effect "done" and once with
// "none". Faults that wait have no Delay and redirects no Host yet.
func StartFaults(operation string) []Fault {
	var faults []Fault
	add := func(f Fault) {
		f.Operation = operation
		for _, f.Effect = range []string{effectDone, effectNone} {
			if f.check() == nil {
				faults = append(faults, f)
			}
		}
	}
	for _, list := range [][]faultKind{faultKinds, startFaultKinds} {
		for _, k := range list {
			if k.Name != "latency" && k.Name != "status" {
				add(Fault{Kind: k.Name})
			}
		}
	}
	for _, status := range []int{400, 401, 403, 404, 408, 409, 429, 500, 502, 503, 504} {
		for _, form := range []string{"json", "html", "text"} {
			f := Fault{Kind: "status", Status: status, Form: form}
			if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
				f.RetryAfter = "1"
			}
			add(f)
		}
	}
	return faults
}

// outcome is a success of the call's form about an account, with a status word put in.
func (c *call) outcome(a *account, word string) reply {
	switch {
	case a == nil:
		return jsonReply(http.StatusOK, map[string]string{"status": word})
	case c.route.operation == "migrate":
		return jsonReply(http.StatusOK, map[string]string{"technicalAccountId": a.id, "status": word})
	}
	body := map[string]string{"servicePrincipalId": a.id + "@techacct.adobe.com", "migrationStatus": word}
	c.s.mu.RLock()
	defer c.s.mu.RUnlock()
	if i := a.integration; i != nil {
		body = i.binding()
		body["id"], body["migrationStatus"] = i.id, word
	}
	status := http.StatusOK
	if c.route.operation == "binding-create" {
		status = http.StatusCreated
	}
	return jsonReply(status, body)
}

// goal is the status word of a success.
func (c *call) goal() string {
	return map[string]string{
		"migrate": "Migrated", "binding-create": string(started), "binding-delete": string(notStarted),
		"finalize": string(completed),
	}[c.route.operation]
}

// origin is the status word of a credential that such a start has not reached.
func (c *call) origin() string {
	if c.route.operation == "migrate" {
		return "Eligible"
	}
	return string(startsFrom[c.route.operation])
}

// startedAccount is the account that the start is about, nil where there is none.
func (c *call) startedAccount() *account {
	if c.start == nil {
		return nil
	}
	return c.start.account
}

// stranger is an account that the start is not about, of a credential with an integration where the call needs one.
func (c *call) stranger() *account {
	c.s.mu.RLock()
	defer c.s.mu.RUnlock()
	about := c.startedAccount()
	for _, a := range c.s.org.accounts {
		if a != about && (c.route.operation == "migrate" || a.integration != nil) {
			return a
		}
	}
	return nil
}
