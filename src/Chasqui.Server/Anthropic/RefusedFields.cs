using System.Text.Json;

namespace Chasqui.Server;

/// <summary>Fields of a request that have no meaning before a local model: some change nothing here, the others are refused by name.</summary>
internal static class RefusedFields
{
    /// <summary>Accounting, caching and placement on Anthropic's own machines. Nothing of what is said depends on them.</summary>
    public static IReadOnlyList<string> PassedOver { get; } =
        ["metadata", "cache_control", "service_tier", "inference_geo", "speed", "user_profile_id", "diagnostics", "context_management", "betas"];

    /// <summary>What runs on Anthropic's own machines.</summary>
    public static IReadOnlyList<string> Refused { get; } = ["mcp_servers", "container", "fallbacks"];

    /// <exception cref="InvalidRequestException">The field asks for what cannot be done here.</exception>
    public static void Check(string name, JsonElement value)
    {
        if (PassedOver.Contains(name))
            return;
        if (!Refused.Contains(name))
            throw new InvalidRequestException($"\"{Field.Clip(name)}\" is not a field of this API; leave it out");
        // What asks for nothing is no reason to refuse.
        if (value.ValueKind != JsonValueKind.Null && !(value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 0))
            throw new InvalidRequestException($"\"{name}\" is not supported here: it runs on Anthropic's own servers; leave it out");
    }
}
