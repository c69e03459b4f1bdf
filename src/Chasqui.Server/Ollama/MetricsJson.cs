namespace Chasqui.Server;

/// <summary>Parts that the answers of generate and chat share. A figure of zero is left out, as Go's <c>omitempty</c> does.</summary>
internal static class MetricsJson
{
    public static void Write(ref JsonText json, GenerationResult result)
    {
        Durations(ref json, result.TotalDuration, result.LoadDuration);
        Write(ref json, "prompt_eval_count"u8, result.PromptTokens);
        Write(ref json, "prompt_eval_duration"u8, result.PromptDuration);
        Write(ref json, "eval_count"u8, result.CompletionTokens);
        Write(ref json, "eval_duration"u8, result.CompletionDuration);
    }

    /// <summary>Where anything ran, both: clients read <c>load_duration</c> without asking whether it is there, and a node of another kind tells none.</summary>
    public static void Durations(ref JsonText json, TimeSpan total, TimeSpan load)
    {
        if (total <= TimeSpan.Zero)
            return;
        json.Name("total_duration"u8);
        json.Value(total);
        json.Name("load_duration"u8);
        json.Value(load > TimeSpan.Zero ? load : TimeSpan.Zero);
    }

    public static void Write(ref JsonText json, ReadOnlySpan<byte> name, TimeSpan duration)
    {
        if (duration <= TimeSpan.Zero)
            return;
        json.Name(name);
        json.Value(duration);
    }

    public static void Write(ref JsonText json, ReadOnlySpan<byte> name, int count)
    {
        if (count <= 0)
            return;
        json.Name(name);
        json.Value(count);
    }

    public static void RenderedPrompt(ref JsonText json, string prompt, int images)
    {
        json.Name("_debug_info"u8);
        json.BeginObject();
        json.Name("rendered_template"u8);
        json.Value(prompt);
        Write(ref json, "image_count"u8, images);
        json.EndObject();
    }

    public static void Logprobs(ref JsonText json, IReadOnlyList<TokenLogprob>? logprobs) => Logprobs(ref json, "logprobs"u8, logprobs);

    public static void Logprobs(ref JsonText json, ReadOnlySpan<byte> name, IReadOnlyList<TokenLogprob>? logprobs)
    {
        if (logprobs is not { Count: > 0 })
            return;
        json.Name(name);
        json.BeginArray();
        foreach (var token in logprobs)
        {
            json.BeginObject();
            Token(ref json, token);
            if (token.Alternatives.Count > 0)
            {
                json.Name("top_logprobs"u8);
                json.BeginArray();
                foreach (var alternative in token.Alternatives)
                {
                    json.BeginObject();
                    Token(ref json, alternative);
                    json.EndObject();
                }
                json.EndArray();
            }
            json.EndObject();
        }
        json.EndArray();
    }

    private static void Token(ref JsonText json, TokenLogprob token)
    {
        json.Name("token"u8);
        json.Value(token.Token);
        json.Name("logprob"u8);
        json.Value((double)token.Logprob);
        if (token.Bytes.IsEmpty)
            return;
        json.Name("bytes"u8);
        json.BeginArray();
        foreach (var b in token.Bytes.Span)
            json.Value((long)b);
        json.EndArray();
    }
}
