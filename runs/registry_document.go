package runs

// Document is a registry in the shape that "az ml registry show -o json" gives
// it, with "url" added.
func (r Registry) Document() map[string]any {
	return map[string]any{
		"id": "azureml://registries/" + r.Name, "name": r.Name, "description": orNull(r.Description), "tags": nonNil(r.Tags),
		"location": "local", "replication_locations": []any{map[string]any{"location": "local"}},
		"public_network_access": "Disabled", "provisioning_state": "Succeeded", "resourceGroup": ResourceGroup,
		"url": orNull(r.URL), "created_on": stamp(r.Created),
	}
}
