package config

import (
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
)

// temporal returns the server that the environment names by Temporal's own
// conventions, or nil. A temporal.toml alone does not count: many people have
// one for other work, so a profile has to be asked for.
func temporal(env Environment) (*Temporal, error) {
	if get(env, "TEMPORAL_ADDRESS") == "" && get(env, "TEMPORAL_PROFILE") == "" {
		return nil, nil
	}
	options, err := ClientOptions(env)
	if err != nil {
		return nil, err
	}
	return &Temporal{Address: options.HostPort, Namespace: options.Namespace}, nil
}

// ClientOptions are the options for a connection to the server that the
// environment names: address, namespace, TLS, API key, profile.
func ClientOptions(env Environment) (client.Options, error) {
	options, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{EnvLookup: env})
	if err != nil {
		return client.Options{}, &Error{Where: "TEMPORAL_*", Message: err.Error()}
	}
	if options.HostPort == "" {
		options.HostPort = client.DefaultHostPort
	}
	if options.Namespace == "" {
		options.Namespace = client.DefaultNamespace
	}
	options.ConnectionOptions.KeepAliveTime = keepAlive
	options.ConnectionOptions.KeepAliveTimeout = silence
	options.ConnectionOptions.DialOptions = append(options.ConnectionOptions.DialOptions, Insist())
	return options, nil
}

// A network that fails without a word is noticed, and a worker goes on within
// seconds of its return; by default it may wait for most of a minute.
const (
	// keepAlive is how long a connection is quiet before the server is asked
	// whether it is there. Servers take more than every 10 s for an abuse.
	keepAlive = 11 * time.Second
	// silence is how long what was sent may stay unanswered before the
	// connection is made anew.
	silence = 5 * time.Second
)
