package simulator

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// reply is a whole answer before it is sent, so that faults can change it.
type reply struct {
	status int
	kind   string
	header map[string]string
	body   []byte
}

const jsonKind = "application/json;charset=UTF-8"

func jsonReply(status int, value any) reply {
	body, err := encode(value)
	if err != nil {
		return plain(http.StatusInternalServerError, "simulator cannot encode its answer: "+err.Error())
	}
	return reply{status: status, kind: jsonKind, body: body}
}

// encode is json.Marshal without its escaping for HTML, which Adobe's answers do not show.
func encode(value any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), nil
}

func plain(status int, text string) reply {
	return reply{status: status, kind: "text/plain; charset=utf-8", body: []byte(text)}
}

func noContent(status int) reply { return reply{status: status} }

func (r reply) with(name, value string) reply {
	header := map[string]string{name: value}
	for k, v := range r.header {
		header[k] = v
	}
	r.header = header
	return r
}

// gatewayError is the body of Adobe's API gateway, which answers before the service sees the call.
func gatewayError(status int, code, message string) reply {
	return jsonReply(status, map[string]string{"error_code": code, "message": message})
}

// serviceError is an error of an Experience Platform service. Adobe's services answer in several forms and do not say
// which uses which, so a switch chooses.
func (c *call) serviceError(status int, service, title string) reply {
	code := service + "-1000-" + strconv.Itoa(status)
	kind := "http://ns.adobe.com/aep/errors/" + code
	switch c.s.sw(swServiceErrors) {
	case "chain":
		return jsonReply(status, map[string]any{
			"type": kind, "title": title, "status": status,
			"report": map[string]any{
				"tenantInfo":        map[string]string{"sandboxName": c.sandbox(), "imsOrgId": IMSOrganization},
				"additionalContext": map[string]string{"Invoking Client ID": c.grant.clientID},
			},
			"error-chain": []map[string]any{{
				"serviceId": service, "errorCode": code, "invokingServiceId": service,
				"unixTimeStampMs": c.s.clock().UnixMilli(),
			}},
		})
	case "errors":
		return jsonReply(status, map[string]any{
			"requestId": c.requestID, "type": kind, "title": title, "status": status,
			"errors": map[string]any{strconv.Itoa(status): []map[string]string{{"code": code, "message": title}}},
		})
	case "query":
		blame := map[bool]string{true: "SYSTEM_ERROR", false: "USER_ERROR"}[status >= 500]
		return jsonReply(status, map[string]string{"code": code, "message": title, "errorType": blame})
	case "message":
		return jsonReply(status, map[string]any{"message": title, "statusCode": status})
	case "text":
		return plain(status, title)
	}
	return jsonReply(status, map[string]any{
		"type": kind, "status": status, "detail": title,
		"title": strings.ReplaceAll(http.StatusText(status), " ", "") + "Error",
	})
}

// consoleError is an error of the Developer Console's own services; none of its forms is documented.
func (c *call) consoleError(status int, template, message string) reply {
	messages := []map[string]string{{"template": template, "message": message}}
	switch c.s.sw(swConsoleErrors) {
	case "bare":
		return jsonReply(status, map[string]any{"messages": messages})
	case "id":
		return jsonReply(status, map[string]any{"id": c.requestID})
	}
	return jsonReply(status, map[string]any{"status": status, "id": c.requestID, "code": template, "messages": messages})
}
