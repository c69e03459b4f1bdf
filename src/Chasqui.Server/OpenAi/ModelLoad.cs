using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>Carries out a request that says nothing: it makes a model that can answer resident.</summary>
internal static class ModelLoad
{
    /// <param name="api">What every endpoint needs.</param>
    /// <param name="http">The request.</param>
    /// <param name="load">The model.</param>
    /// <param name="capability">What was asked of it, for the error where it cannot answer.</param>
    public static async Task RunAsync(ApiContext api, HttpContext http, LoadRequest load, string capability)
    {
        var engine = api.EngineOf(http);
        var model = await engine.ShowAsync(load.Model, http.RequestAborted).ConfigureAwait(false);
        // Not every node says what its models can do.
        if (model.Summary.Capabilities.Count > 0 && !model.Summary.Capabilities.Contains("completion"))
            throw new UnsupportedCapabilityException(load.Model, capability);
        await engine.LoadAsync(load, http.RequestAborted).ConfigureAwait(false);
    }
}
