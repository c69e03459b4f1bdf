using System.Text.Json;
using Chasqui.Engines.Http;
using Chasqui.Engines.Tools;

namespace Chasqui.Engines.Ollama;

/// <summary>Answers as Ollama's API has them (<c>api/types.go</c>).</summary>
internal static class OllamaAnswers
{
    /// <summary>A line of an answer of <c>/api/generate</c> or <c>/api/chat</c>.</summary>
    /// <exception cref="EngineException">The line is an error.</exception>
    public static GenerationUpdate Update(JsonElement line, string model)
    {
        ThrowIfError(line, model);
        var message = line.Get("message");
        if (message is null && line.Get("response") is null && line.Get("done") is null)
            throw new FormatException("a line has neither response, message, done nor error");
        var rendered = line.Get("_debug_info")?.Get("rendered_template")?.GetString();
        var done = line.Flag("done") || rendered is not null;
        return new GenerationUpdate
        {
            Text = message?.Text("content") ?? line.Text("response"),
            Thinking = message?.Text("thinking") ?? line.Text("thinking"),
            ToolCalls = message?.Get("tool_calls") is { ValueKind: JsonValueKind.Array } calls && calls.GetArrayLength() > 0
                ? ToolCallForms.ToOllama(Calls(calls)) : null,
            Logprobs = line.Get("logprobs") is { } logprobs ? [.. logprobs.EnumerateArray().Select(Logprob)] : null,
            RenderedPrompt = rendered,
            Result = done ? Result(line) : null,
        };
    }

    /// <summary>An answer of <c>/api/embed</c>.</summary>
    public static EmbedResult Embed(JsonElement json) => new()
    {
        Vectors = [.. json.GetProperty("embeddings").EnumerateArray().Select(vector => vector.EnumerateArray().Select(x => x.GetSingle()).ToArray())],
        PromptTokens = json.Count("prompt_eval_count"),
        TotalDuration = json.Nanoseconds("total_duration"),
        LoadDuration = json.Nanoseconds("load_duration"),
    };

    /// <summary>A line of the answer to a pull, a push or a create.</summary>
    public static ModelProgress Progress(JsonElement line) => new(
        line.GetProperty("status").GetString() ?? "",
        line.Get("digest")?.GetString(),
        line.Get("total")?.GetInt64(),
        line.Get("completed")?.GetInt64());

    /// <summary>The error of a line; null for none.</summary>
    public static ErrorText? Error(JsonElement line) => line.Get("error") is null ? null : ErrorText.Read(line);

    private static void ThrowIfError(JsonElement line, string model)
    {
        if (Error(line) is { } said)
            throw NodeErrors.Midway(model, said);
    }

    private static IReadOnlyList<ToolCallForms.ToolCall> Calls(JsonElement calls)
    {
        try
        {
            return ToolCallForms.Read(calls);
        }
        catch (InvalidRequestException e)
        {
            // Here it is the node that is wrong.
            throw new FormatException(e.Message, e);
        }
    }

    private static GenerationResult Result(JsonElement line) => new()
    {
        Reason = line.Text("done_reason") == "length" ? FinishReason.Length : FinishReason.Stop,
        PromptTokens = line.Count("prompt_eval_count"),
        CompletionTokens = line.Count("eval_count"),
        TotalDuration = line.Nanoseconds("total_duration"),
        LoadDuration = line.Nanoseconds("load_duration"),
        PromptDuration = line.Nanoseconds("prompt_eval_duration"),
        CompletionDuration = line.Nanoseconds("eval_duration"),
        Context = line.Get("context") is { } context ? [.. context.EnumerateArray().Select(token => token.GetInt32())] : null,
    };

    private static TokenLogprob Logprob(JsonElement json) => new(
        json.Text("token"),
        json.Get("bytes") is { } bytes ? bytes.EnumerateArray().Select(b => b.GetByte()).ToArray() : ReadOnlyMemory<byte>.Empty,
        json.Get("logprob")?.GetSingle() ?? 0,
        [.. json.Items("top_logprobs").Select(Logprob)]);
}
