package config

import (
	"fmt"
	"net/url"
	"path/filepath"
)

// trackingURI checks the address of an MLflow server that steps report to.
func trackingURI(c *Config, text string) error {
	u, err := url.Parse(text)
	if text != "" && (err != nil || u.Scheme == "" || u.Scheme == "http" && u.Host == "" || u.Scheme == "https" && u.Host == "") {
		return fmt.Errorf("%q is no address of an MLflow server: give one such as http://host:5000", text)
	}
	if u != nil && u.User != nil {
		return fmt.Errorf("the address of an MLflow server holds no password: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD where the worker starts")
	}
	c.TrackingURI = text
	return nil
}

// ofAStep reports whether a variable is not meant for this process: programs of
// steps, which may be started from one, find under the name of one setting the
// file that they write their metrics to.
func ofAStep(name, text string) bool {
	return name == "MILLRACE_METRICS" && filepath.IsAbs(text)
}
