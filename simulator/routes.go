package simulator

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// maxBody bounds what the simulator reads of a request.
const maxBody = 1 << 20

// route is one call of Adobe's. Operation is its name in faults, ledger and help texts.
type route struct {
	operation string
	method    string
	segments  []string
	// list is the member of the answer that holds the list: "" for none, "." where the answer is the list itself.
	list string
	// write is set on calls that change the organization.
	write bool
	// start is set on calls that change how a credential gets its tokens; see Start.
	start  bool
	gate   func(*call) *reply
	handle func(*call) reply
}

// call is one request on its way through the simulator.
type call struct {
	s         *Simulator
	r         *http.Request
	route     *route
	values    map[string]string
	query     url.Values
	form      url.Values
	grant     grant
	requestID string
	body      []byte
	// cursor is the paging fault that is due on this call: "stuck", "loop" or none.
	cursor string
	// scopeless makes the token endpoint give a token without scopes.
	scopeless bool
	// start is set where the route is a start.
	start *runningStart
}

const (
	platform = "/data/foundation"
	console  = "/console/organizations/{org}"
	s2s      = console + "/credentials/oauth-server-to-server"
)

// routeTable lists the calls that the simulator knows. Where two match, the first wins.
func routeTable() []route {
	routes := []route{
		newRoute("accounts", "GET", platform+"/queryauth/accounts", (*call).accounts).
			lists("accounts").asks((*call).sandboxGate),
		newRoute("sandboxes", "GET", platform+"/sandbox-management/sandboxes", (*call).allSandboxes).
			lists("sandboxes").asks((*call).platformGate),
		newRoute("available-sandboxes", "GET", platform+"/sandbox-management/", (*call).availableSandboxes).
			lists("sandboxes").asks((*call).platformGate),
		newRoute("sandbox", "GET", platform+"/sandbox-management/sandboxes/{name}", (*call).oneSandbox).
			asks((*call).platformGate),
		newRoute("sandbox-types", "GET", platform+"/sandbox-management/sandboxTypes", (*call).sandboxTypes).
			lists("sandboxTypes").asks((*call).platformGate),
	}
	routes = append(routes, queryServiceRoutes()...)
	routes = append(routes, imsRoutes()...)
	for _, r := range consoleRoutes() {
		routes = append(routes, r.asks((*call).consoleGate))
	}
	return routes
}

func newRoute(operation, method, path string, handle func(*call) reply) route {
	return route{operation: operation, method: method, segments: strings.Split(path, "/"), handle: handle}
}

func (r route) lists(member string) route { r.list = member; return r }

func (r route) writes() route { r.write = true; return r }

func (r route) starts() route { r.start = true; return r }

func (r route) asks(gate func(*call) *reply) route { r.gate = gate; return r }

// match fills in the path's variables; ok is false where the path is another one.
func (r *route) match(segments []string) (values map[string]string, ok bool) {
	if len(segments) != len(r.segments) {
		return nil, false
	}
	for i, want := range r.segments {
		name, variable := strings.CutPrefix(want, "{")
		if !variable && want != segments[i] {
			return nil, false
		}
		if variable {
			value, err := url.PathUnescape(segments[i])
			if err != nil || value == "" {
				return nil, false
			}
			if values == nil {
				values = map[string]string{}
			}
			values[strings.TrimSuffix(name, "}")] = value
		}
	}
	return values, true
}

// newCall finds the route of a request. Where there is none, problem answers instead.
func (s *Simulator) newCall(r *http.Request) (c *call, problem func(*call) reply) {
	c = &call{s: s, r: r, route: &route{operation: "unknown"}, requestID: r.Header.Get("x-request-id")}
	if c.requestID == "" {
		c.requestID = fmt.Sprintf("sim-%08d", s.serial.Add(1))
	}
	problem = notFound
	segments := strings.Split(r.URL.EscapedPath(), "/")
	for i := range s.routes {
		values, ok := s.routes[i].match(segments)
		if !ok {
			continue
		}
		if s.routes[i].method != r.Method {
			problem = methodNotAllowed
			continue
		}
		c.route, c.values, problem = &s.routes[i], values, nil
		break
	}
	return c, problem
}

// read takes in the query and a form body, and any other body whole: only then is a client's
// hanging up noticed.
func (c *call) read(w http.ResponseWriter) error {
	query, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return err
	}
	c.query = query
	if c.r.Body == nil || c.r.Body == http.NoBody {
		return nil
	}
	c.r.Body = http.MaxBytesReader(w, c.r.Body, maxBody)
	switch kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type")); kind {
	case "application/x-www-form-urlencoded":
		err = c.r.ParseForm()
	case "multipart/form-data":
		err = c.r.ParseMultipartForm(maxBody)
	default:
		c.body, err = io.ReadAll(c.r.Body)
	}
	c.form = c.r.PostForm
	return err
}

// sandbox is the sandbox that a call names, empty where it names none.
func (c *call) sandbox() string {
	if name := c.values["name"]; name != "" {
		return name
	}
	return c.r.Header.Get("x-sandbox-name")
}

func unreadable(err error) func(*call) reply {
	return func(*call) reply { return plain(http.StatusBadRequest, "request cannot be read: "+err.Error()) }
}

func notFound(c *call) reply {
	return gatewayError(http.StatusNotFound, "404000", "Resource not found: "+c.r.URL.Path)
}

func methodNotAllowed(*call) reply {
	return gatewayError(http.StatusMethodNotAllowed, "405000", "Method not allowed")
}
