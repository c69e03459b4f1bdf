using System.Text.Json;

namespace Chasqui.Server;

/// <summary>
/// Fields of the OpenAI API that are not translated: those without meaning here are taken as they are; those that would change the answer are refused,
/// unless they ask for what happens anyway.
/// </summary>
internal static class FieldRules
{
    private static readonly HashSet<string> _harmless =
    [
        "user", "metadata", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options",
        "max_tool_calls",
    ];

    private static readonly Dictionary<string, Rule> _refused = new(StringComparer.Ordinal)
    {
        ["n"] = new(value => IsNumber(value, 1), "except as 1: a request has one answer"),
        ["best_of"] = new(value => IsNumber(value, 1), "except as 1: a request has one answer"),
        ["echo"] = new(IsFalse, "except as false: the answer does not repeat the prompt"),
        ["logit_bias"] = new(IsEmpty, "except empty"),
        ["audio"] = new(_ => false, "answers are text"),
        ["modalities"] = new(value => Field.Items("modalities", value).All(item => IsText(item, "text")), "except as [\"text\"]"),
        ["background"] = new(IsFalse, "except as false: send the request and wait"),
        ["previous_response_id"] = new(_ => false, "it is for /v1/responses"),
        ["conversation"] = new(_ => false, "there are no conversations here: use \"previous_response_id\", or send the whole conversation as \"input\""),
        ["prediction"] = new(_ => false, "leave it out"),
        ["web_search_options"] = new(_ => false, "there is no search behind this gateway"),
        ["functions"] = new(IsEmpty, "use \"tools\""),
        ["function_call"] = new(value => IsText(value, "auto"), "use \"tool_choice\""),
        ["moderation"] = new(_ => false, "leave it out"),
        ["context_management"] = new(IsEmpty, "send the conversation as it shall be read"),
    };

    /// <summary>Decides on a field that is not translated.</summary>
    /// <returns>False where the field is unknown.</returns>
    /// <exception cref="InvalidParameterException">It is refused.</exception>
    public static bool Check(string name, JsonElement value)
    {
        if (!_refused.TryGetValue(name, out var rule))
            return _harmless.Contains(name);
        if (!rule.Harmless(value))
            throw Refuse(name, rule.Instead);
        return true;
    }

    /// <summary>The error for a field that cannot be honoured.</summary>
    /// <param name="name">The field.</param>
    /// <param name="instead">What to do instead, behind a comma or a colon.</param>
    public static InvalidParameterException Refuse(string name, string instead) =>
        new(name, $"\"{name}\" is not supported{(instead.StartsWith("except", StringComparison.Ordinal) ? " " : ": ")}{instead}");

    private static bool IsNumber(JsonElement value, int number) => value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var given) && given == number;

    private static bool IsFalse(JsonElement value) => value.ValueKind == JsonValueKind.False;

    private static bool IsText(JsonElement value, string text) => value.ValueKind == JsonValueKind.String && value.ValueEquals(text);

    private static bool IsEmpty(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => !value.EnumerateObject().Any(),
        JsonValueKind.Array => value.GetArrayLength() == 0,
        _ => false,
    };

    private sealed record Rule(Func<JsonElement, bool> Harmless, string Instead);
}
