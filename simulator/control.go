package simulator

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// ControlPrefix is where the simulator's own endpoints lie. Nothing under it is Adobe's.
const ControlPrefix = "/simulator/"

// serveControl answers the simulator's own endpoints: GET truth, ledger and certificate-key, POST faults (a JSON list
// of texts for ParseFault), step, use and user-token. It returns false for all other paths, also for the calls that
// stand in for unpublished ones of Adobe's, which only get the header here.
func (s *Simulator) serveControl(w http.ResponseWriter, r *http.Request) bool {
	name, ok := strings.CutPrefix(r.URL.Path, ControlPrefix)
	if !ok {
		return false
	}
	w.Header().Set("X-Simulator", "not Adobe")
	if strings.HasPrefix(r.URL.Path, notAdobe) {
		return false
	}
	control := s.controls()[r.Method+" "+name]
	if control == nil {
		http.Error(w, "this is the simulator, not Adobe: GET truth, ledger, certificate-key; POST faults, step, use, "+
			"user-token", http.StatusNotFound)
		return true
	}
	value, err := control(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return true
	}
	body, err := encode(value)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return true
	}
	w.Header().Set("Content-Type", "application/json")
	if _, err := w.Write(body); err != nil {
		s.logger.DebugContext(r.Context(), "control answer not sent", "error", err)
	}
	return true
}

// controls are the simulator's own endpoints by method and name.
func (s *Simulator) controls() map[string]func(io.Reader) (any, error) {
	return map[string]func(io.Reader) (any, error){
		"GET truth":  func(io.Reader) (any, error) { return s.Truth(), nil },
		"GET ledger": func(io.Reader) (any, error) { return s.ledger.snapshot(), nil },
		"GET certificate-key": func(io.Reader) (any, error) {
			key, err := certificateKeyPEM()
			return map[string]string{"private_key": string(key)}, err
		},
		"POST user-token": func(io.Reader) (any, error) {
			token, err := s.IssueUserToken()
			return map[string]string{"access_token": token, "x-api-key": CLIKey}, err
		},
		"POST faults": s.controlFaults,
		"POST use":    s.controlUse,
		"POST step": func(io.Reader) (any, error) {
			s.Step()
			return map[string]int{"round": s.Truth().Round}, nil
		},
	}
}

// controlFaults puts the faults of a JSON list of texts in force and answers with their counters.
func (s *Simulator) controlFaults(body io.Reader) (any, error) {
	var texts []string
	if err := json.NewDecoder(body).Decode(&texts); err != nil {
		return nil, fmt.Errorf("faults: want a JSON list of texts: %w", err)
	}
	faults := make([]Fault, 0, len(texts))
	for _, text := range texts {
		f, err := ParseFault(text)
		if err != nil {
			return nil, err
		}
		faults = append(faults, f)
	}
	if err := s.SetFaults(faults); err != nil {
		return nil, err
	}
	return s.ledger.Faults(), nil
}

// use is a request to record the use of a credential. At is a time, "never", or empty for now.
type use struct {
	Credential string `json:"credential"`
	Grant      string `json:"grant"`
	At         string `json:"at"`
}

// controlUse sets when a credential was last used with a grant, as secret_usages and the checks of finalize see it, and
// answers with both uses.
func (s *Simulator) controlUse(body io.Reader) (any, error) {
	var asked use
	if err := json.NewDecoder(body).Decode(&asked); err != nil {
		return nil, fmt.Errorf("use: want {credential, grant, at}: %w", err)
	}
	at, err := s.useTime(asked.At)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.org.byID[asked.Credential]
	if a := s.org.byAccount[asked.Credential]; a != nil {
		i = a.integration
	}
	switch {
	case i == nil || i.apiKeyOnly:
		return nil, fmt.Errorf("use: the Developer Console has no credential with secrets %q", asked.Credential)
	case asked.Grant == "jwt":
		i.jwtUsed = at
	case asked.Grant == "oauth":
		i.oauthUsed = at
	default:
		return nil, fmt.Errorf("use: grant must be jwt or oauth, not %q", asked.Grant)
	}
	return map[string]string{"credential": i.id, "jwt": stampText(i.jwtUsed), "oauth": stampText(i.oauthUsed)}, nil
}

func (s *Simulator) useTime(text string) (time.Time, error) {
	switch text {
	case "":
		return s.clock().UTC(), nil
	case "never":
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("use: at: %w", err)
	}
	return at.UTC(), nil
}

// stampText is a time as text, empty for none.
func stampText(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Format(time.RFC3339Nano)
}
