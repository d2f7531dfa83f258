package slack

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

const maxBody = 4 << 20

// call is one request to the Web API, read whole.
type call struct {
	w      *Workspace
	r      *http.Request
	name   string
	method *method
	token  string
	args   map[string]string
	// warning is what Slack remarks on the request's form.
	warning string
	// made is the time stamp of the message that the call concerns.
	made string
}

// readCall reads a request; problem is how Slack refuses one that cannot be read.
func (w *Workspace) readCall(writer http.ResponseWriter, r *http.Request) (c *call, problem *answer) {
	c = &call{w: w, r: r, name: r.PathValue("method"), args: map[string]string{}}
	c.method = methods[c.name]
	c.addValues(r.URL.Query())
	// A token in the URL is not taken: Slack does not for apps made since 2021.
	delete(c.args, "token")
	if r.Method == http.MethodPost {
		problem = c.readBody(writer)
	}
	c.takeToken()
	for name := range c.args {
		if !argumentName.MatchString(name) {
			problem = refuse(failure("invalid_arg_name"))
		}
	}
	return c, problem
}

var argumentName = regexp.MustCompile(`^[A-Za-z0-9_]{1,100}$`)

func refuse(a answer) *answer { return &a }

func (c *call) takeToken() {
	if bearer, ok := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer "); ok {
		c.token = strings.TrimSpace(bearer)
	} else {
		c.token = c.args["token"]
	}
	delete(c.args, "token")
}

func (c *call) readBody(writer http.ResponseWriter) *answer {
	body, err := io.ReadAll(http.MaxBytesReader(writer, c.r.Body, maxBody))
	if err != nil {
		return refuse(failure("request_timeout"))
	}
	if len(body) == 0 {
		return nil
	}
	header := c.r.Header.Get("Content-Type")
	if header == "" {
		return refuse(failure("missing_post_type"))
	}
	kind, parameters, err := mime.ParseMediaType(header)
	if err != nil {
		return refuse(failure("invalid_post_type"))
	}
	if charset := strings.ToLower(parameters["charset"]); charset != "" && charset != "utf-8" && charset != "iso-8859-1" {
		return refuse(failure("invalid_charset"))
	}
	return c.readKind(kind, parameters, body)
}

func (c *call) readKind(kind string, parameters map[string]string, body []byte) *answer {
	switch kind {
	case "application/x-www-form-urlencoded":
		values, err := url.ParseQuery(string(body))
		if err != nil {
			return refuse(failure("invalid_form_data"))
		}
		c.addValues(values)
	case "multipart/form-data":
		return c.readMultipart(body)
	case "application/json":
		if parameters["charset"] == "" {
			c.warning = "missing_charset"
		}
		return c.readJSON(body)
	default:
		return refuse(failure("invalid_post_type"))
	}
	return nil
}

func (c *call) readMultipart(body []byte) *answer {
	c.r.Body = io.NopCloser(bytes.NewReader(body))
	if err := c.r.ParseMultipartForm(maxBody); err != nil {
		return refuse(failure("invalid_form_data"))
	}
	c.addValues(c.r.MultipartForm.Value)
	return nil
}

// readJSON takes arguments from a JSON object, which only methods that write do; others ignore it. A token in it is
// never taken.
func (c *call) readJSON(body []byte) *answer {
	if !json.Valid(body) {
		return refuse(failure("invalid_json"))
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return refuse(failure("json_not_object"))
	}
	if c.method == nil || !c.method.json {
		return nil
	}
	for name, raw := range members {
		var text string
		switch err := json.Unmarshal(raw, &text); {
		case string(raw) == "null" || name == "token":
		case err == nil:
			c.args[name] = text
		default:
			c.args[name] = string(raw)
		}
	}
	return nil
}

func (c *call) addValues(values url.Values) {
	for name, list := range values {
		if len(list) > 0 {
			c.args[name] = list[0]
		}
	}
}

func (c *call) arg(name string) string { return c.args[name] }

func (c *call) has(name string) bool {
	_, ok := c.args[name]
	return ok
}

func (c *call) flag(name string) bool { return c.args[name] == "true" || c.args[name] == "1" }
