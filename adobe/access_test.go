package adobe

import (
	"slices"
	"testing"

	"jwtsunset/credential"
)

// TestAccess reads what an integration may use, from the member forms that Adobe's specification has.
func TestAccess(t *testing.T) {
	for body, want := range map[string]credential.Access{
		`{"id":"1","sdkList":["B","A","B"],"other":{"x":[1]}}`: {APIs: []string{"A", "B"}},
		`{"sdkList":[],"serviceProperties":[{"sdkCode":"A","roles":[{"code":"r"}],"licenseConfigs":[{"id":"1","name":"p2"},` +
			`{"name":"p1"}]},{"sdkCode":"C","licenseConfigs":[]}]}`: {APIs: []string{"A", "C"}, Profiles: []string{"p1", "p2"}},
		`{}`: {},
	} {
		got, err := decodeBytes([]byte(body), decodeAccess)
		if err != nil || !slices.Equal(got.APIs, want.APIs) || !slices.Equal(got.Profiles, want.Profiles) {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
	for _, body := range []string{`[]`, `{"sdkList":{}}`, `{"sdkList":[`, `{"serviceProperties":[1]}`, `{"error_code":"x"}`} {
		if got, err := decodeBytes([]byte(body), decodeAccess); err == nil {
			t.Errorf("%s is %+v", body, got)
		}
	}
}

// TestProject refuses a project other than the one asked for.
func TestProject(t *testing.T) {
	if p, err := decodeBytes([]byte(`{"id":7,"name":"n","title":"t","type":"default","who_created":"x@AdobeID"}`), decodeProject); err != nil ||
		p != (credential.Project{ID: "7", Name: "n", Title: "t", Type: "default", CreatedBy: "x@AdobeID"}) {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err := decodeBytes([]byte(`{"name":"n"}`), decodeProject); err == nil {
		t.Errorf("without an id it is %+v", p)
	}
}
