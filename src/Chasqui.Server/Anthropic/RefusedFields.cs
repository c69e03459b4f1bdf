using System.Text.Json;

namespace Chasqui.Server;

/// <summary>
/// Fields of a request that have no meaning before a local model. Some would change the answer, and are refused by name. The others do not: accounting, caching and placement
/// on Anthropic's own machines, and what newer clients send of which nothing is known here. They are passed over, and named.
/// </summary>
internal static class RefusedFields
{
    /// <summary>What runs on Anthropic's own machines, and would change the answer.</summary>
    public static IReadOnlyList<string> Refused { get; } = ["mcp_servers", "thread"];

    /// <summary>Decides on a field that has no place in a request to an engine; one that is not known is passed over, and named.</summary>
    /// <exception cref="InvalidRequestException">The field asks for what cannot be done here.</exception>
    public static void Check(string name, JsonElement value, PassedOver passedOver)
    {
        // What asks for nothing is no reason to refuse, or to tell.
        if (value.ValueKind == JsonValueKind.Null || (value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 0))
            return;
        if (name == "thread")
            throw new UnsupportedFieldException(name, "thread_unsupported_request", "\"thread\" is not supported here: nothing is stored; send the whole conversation as \"messages\"");
        if (Refused.Contains(name))
            throw new InvalidRequestException($"\"{name}\" is not supported here: it runs on Anthropic's own servers; leave it out");
        passedOver.Add(name);
    }
}
