package tracking

import (
	"errors"
	"fmt"
	"net/http"
)

// refusal is an error in MLflow's words. Its client makes an MlflowException of
// it.
type refusal struct {
	Code    string `json:"error_code"`
	Message string `json:"message"`
}

func (r *refusal) Error() string { return r.Message }

// The codes that clients tell apart.
const (
	invalidValue  = "INVALID_PARAMETER_VALUE"
	notThere      = "RESOURCE_DOES_NOT_EXIST"
	alreadyThere  = "RESOURCE_ALREADY_EXISTS"
	unknownCall   = "ENDPOINT_NOT_FOUND"
	notAllowed    = "PERMISSION_DENIED"
	whoAreYou     = "UNAUTHENTICATED"
	inWrongState  = "INVALID_STATE"
	internalError = "INTERNAL_ERROR"
)

func invalid(format string, args ...any) error {
	return &refusal{invalidValue, fmt.Sprintf(format, args...)}
}

func missing(format string, args ...any) error {
	return &refusal{notThere, fmt.Sprintf(format, args...)}
}

// asRefusal is any error as the client is told of it, with its status. Clients
// try again what has a status of 500 or more.
func asRefusal(err error) (int, *refusal) {
	r, ok := errors.AsType[*refusal](err)
	if !ok {
		return http.StatusInternalServerError, &refusal{internalError, err.Error()}
	}
	switch r.Code {
	case notThere, unknownCall:
		return http.StatusNotFound, r
	case whoAreYou:
		return http.StatusUnauthorized, r
	case notAllowed:
		return http.StatusForbidden, r
	}
	return http.StatusBadRequest, r
}
