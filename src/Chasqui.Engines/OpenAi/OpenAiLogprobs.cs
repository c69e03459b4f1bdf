using System.Text;
using System.Text.Json;
using Chasqui.Engines.Http;

namespace Chasqui.Engines.OpenAi;

/// <summary>Log-probabilities in the form of chats (<c>content</c>) and in the older one of completions (<c>tokens</c>, <c>token_logprobs</c>, <c>top_logprobs</c>).</summary>
internal static class OpenAiLogprobs
{
    /// <param name="json">The member <c>logprobs</c> of a choice.</param>
    /// <param name="alternatives">How many alternatives were asked for; servers may send more.</param>
    public static IReadOnlyList<TokenLogprob>? Read(JsonElement? json, int alternatives)
    {
        if (json is not { ValueKind: JsonValueKind.Object } given)
            return null;
        List<TokenLogprob> tokens = given.Get("content") is { } content
            ? [.. content.EnumerateArray().Select(token => Token(token, [.. token.Items("top_logprobs").Take(alternatives).Select(t => Token(t, []))]))]
            : Old(given, alternatives);
        return tokens.Count > 0 ? tokens : null;
    }

    private static TokenLogprob Token(JsonElement json, IReadOnlyList<TokenLogprob> alternatives)
    {
        var text = json.Text("token");
        var bytes = json.Get("bytes") is { } given ? given.EnumerateArray().Select(b => b.GetByte()).ToArray() : Encoding.UTF8.GetBytes(text);
        return new(text, bytes, json.Get("logprob")?.GetSingle() ?? 0, alternatives);
    }

    private static List<TokenLogprob> Old(JsonElement json, int alternatives)
    {
        var probabilities = json.Items("token_logprobs").ToList();
        var tops = json.Items("top_logprobs").ToList();
        return [.. json.Items("tokens").Select((token, i) => new TokenLogprob(
            token.GetString() ?? "", Encoding.UTF8.GetBytes(token.GetString() ?? ""), Number(probabilities, i),
            i < tops.Count && tops[i].ValueKind == JsonValueKind.Object
                ? [.. tops[i].EnumerateObject().Select(p => new TokenLogprob(p.Name, Encoding.UTF8.GetBytes(p.Name), p.Value.GetSingle(), []))
                    .OrderByDescending(t => t.Logprob).Take(alternatives)]
                : []))];
    }

    // The first token of an echoed prompt has none.
    private static float Number(List<JsonElement> numbers, int i) => i < numbers.Count && numbers[i].ValueKind == JsonValueKind.Number ? numbers[i].GetSingle() : 0;
}
