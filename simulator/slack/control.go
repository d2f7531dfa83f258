package slack

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// serveControl answers what is not Slack's: GET messages, ledger, users and channels; POST faults (a JSON list of texts
// for ParseFault), users (a JSON list of users to add or replace), scopes (a JSON list) and down (true or false).
func (w *Workspace) serveControl(writer http.ResponseWriter, r *http.Request) {
	writer.Header().Set("X-Simulator", "not Slack")
	control := w.controls()[r.Method+" "+r.PathValue("name")]
	if control == nil {
		http.Error(writer, "this is the simulator, not Slack: GET messages, ledger, users, channels; "+
			"POST faults, users, scopes, down", http.StatusNotFound)
		return
	}
	value, err := control(http.MaxBytesReader(writer, r.Body, maxBody))
	if err != nil {
		http.Error(writer, err.Error(), http.StatusBadRequest)
		return
	}
	body, err := encode(value)
	if err != nil {
		http.Error(writer, err.Error(), http.StatusInternalServerError)
		return
	}
	writer.Header().Set("Content-Type", jsonKind)
	if _, err := writer.Write(body); err != nil {
		w.logger.DebugContext(r.Context(), "control answer not sent", "error", err)
	}
}

// snapshot is the ledger as the control endpoint shows it.
type snapshot struct {
	Counts        map[string]int `json:"counts"`
	Errors        map[string]int `json:"errors"`
	MaxConcurrent int            `json:"max_concurrent"`
	Faults        []FaultCount   `json:"faults"`
	Violations    []Violation    `json:"rate_violations"`
	Calls         []Call         `json:"calls"`
}

func (w *Workspace) controls() map[string]func(io.Reader) (any, error) {
	return map[string]func(io.Reader) (any, error){
		"GET messages": func(io.Reader) (any, error) { return w.Messages(), nil },
		"GET users":    func(io.Reader) (any, error) { return w.Users(), nil },
		"GET channels": func(io.Reader) (any, error) { return w.Channels(), nil },
		"GET ledger": func(io.Reader) (any, error) {
			l := w.ledger
			return snapshot{
				l.Counts(), l.Errors(), l.MaxConcurrent(), w.FaultCounts(), w.RateViolations(), l.Calls(),
			}, nil
		},
		"POST faults": w.controlFaults,
		"POST users":  w.controlUsers,
		"POST scopes": func(body io.Reader) (any, error) {
			scopes, err := decode[[]string](body)
			if err == nil {
				w.SetScopes(scopes...)
			}
			return scopes, err
		},
		"POST down": func(body io.Reader) (any, error) {
			down, err := decode[bool](body)
			if err == nil {
				w.Down(down)
			}
			return down, err
		},
	}
}

func decode[T any](body io.Reader) (T, error) {
	var value T
	if err := json.NewDecoder(body).Decode(&value); err != nil {
		return value, fmt.Errorf("slack simulator: want JSON: %w", err)
	}
	return value, nil
}

// controlFaults puts the faults of a JSON list of texts in force and answers with their counters.
func (w *Workspace) controlFaults(body io.Reader) (any, error) {
	texts, err := decode[[]string](body)
	if err != nil {
		return nil, err
	}
	faults := make([]Fault, 0, len(texts))
	for _, text := range texts {
		f, err := ParseFault(text)
		if err != nil {
			return nil, err
		}
		faults = append(faults, f)
	}
	if err := w.SetFaults(faults); err != nil {
		return nil, err
	}
	return w.FaultCounts(), nil
}

// controlUsers adds or replaces users and answers with what became of them.
func (w *Workspace) controlUsers(body io.Reader) (any, error) {
	users, err := decode[[]User](body)
	if err != nil {
		return nil, err
	}
	stored := make([]User, 0, len(users))
	for _, u := range users {
		u, err := w.SetUser(u)
		if err != nil {
			return nil, err
		}
		stored = append(stored, u)
	}
	return stored, nil
}
