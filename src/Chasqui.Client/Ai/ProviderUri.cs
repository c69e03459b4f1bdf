namespace Chasqui.Client;

/// <summary>An endpoint as metadata want it.</summary>
internal static class ProviderUri
{
    internal static Uri? Of(ChasquiClient client) =>
        Uri.TryCreate(client.Endpoint.Contains(':', StringComparison.Ordinal) && client.Endpoint.Contains('/', StringComparison.Ordinal)
            ? client.Endpoint : "tcp://" + client.Endpoint, UriKind.Absolute, out var uri) ? uri : null;
}
