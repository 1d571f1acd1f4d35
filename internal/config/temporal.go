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
	options.ConnectionOptions.KeepAliveTimeout = silence
	return options, nil
}

// silence is how long a server may leave what was sent to it unanswered before
// the connection is made anew. Where a network fails without a word and comes
// back, a worker goes on within seconds; with the default of 15 s, most of its
// steps are given up for lost.
const silence = 5 * time.Second
