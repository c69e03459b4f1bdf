using System.Text.Json;

namespace Chasqui.Engines.Http;

/// <summary>What a client was told already of a stream that is gone on with.</summary>
/// <param name="Id">The answer's id.</param>
/// <param name="Created">Its time, in seconds since 1970 UTC.</param>
public sealed record StreamStart(string Id, long Created);

/// <summary>Reads what was passed on unread of an answer that was broken off. Not thread-safe.</summary>
public sealed class PassedAnswer
{
    /// <summary>What was said.</summary>
    public AnswerSoFar Answer { get; } = new();

    /// <summary>How the stream began, where its API says such; null for nothing.</summary>
    public StreamStart? Start { get; private set; }

    /// <summary>Whether answers of a path can be gone on with; those of other APIs count their parts.</summary>
    public static bool CanGoOn(string path) => IsOllama(path) || path is "/v1/chat/completions" or "/v1/completions";

    /// <summary>Reads what was passed on.</summary>
    /// <param name="path">The path that was asked for.</param>
    /// <param name="sent">Whole lines or events.</param>
    /// <returns>Null where it cannot be gone on with: it calls tools, tells probabilities, has several choices, has ended, or cannot be read.</returns>
    public static PassedAnswer? Read(string path, ReadOnlyMemory<byte> sent)
    {
        var read = new PassedAnswer();
        try
        {
            return (IsOllama(path) ? read.Lines(sent) : read.Events(sent)) ? read : null;
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>The error that a line or event tells, in the node's words.</summary>
    /// <param name="json">The line, or the event's data.</param>
    public static string ErrorOf(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            var said = ErrorText.Read(root.Get("response") is { ValueKind: JsonValueKind.Object } response ? response : root).Message;
            return said.Length > 0 ? said : "the node gave its answer up";
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return "the node gave its answer up";
        }
    }

    private static bool IsOllama(string path) => path is "/api/chat" or "/api/generate";

    private bool Lines(ReadOnlyMemory<byte> sent)
    {
        while (!sent.IsEmpty)
        {
            var end = sent.Span.IndexOf((byte)'\n');
            var line = end < 0 ? sent : sent[..end];
            sent = end < 0 ? default : sent[(end + 1)..];
            if (line.Span.Trim(" \r\t"u8).IsEmpty)
                continue;
            using var json = JsonDocument.Parse(line);
            if (!Ollama(json.RootElement))
                return false;
        }
        return true;
    }

    private bool Events(ReadOnlyMemory<byte> sent)
    {
        var (frames, scratch) = (default(SseFrames), new System.Buffers.ArrayBufferWriter<byte>());
        while (frames.Next(sent.Span) is > 0 and var end)
        {
            var read = SseEvent.Read(sent.Span[..end], scratch);
            sent = sent[end..];
            if (!read.HasData)
                continue;
            var reader = new Utf8JsonReader(read.Data);
            using var json = JsonDocument.ParseValue(ref reader);
            if (!OpenAi(json.RootElement))
                return false;
        }
        return true;
    }

    private bool Ollama(JsonElement line)
    {
        if (line.Get("error") is not null || line.Get("logprobs") is not null || line.Get("done") is { ValueKind: JsonValueKind.True })
            return false;
        var message = line.Get("message") ?? line;
        if (message.Get("tool_calls") is not null)
            return false;
        Said(line.Get("message") is null ? message.Text("response") : message.Text("content"), message.Text("thinking"));
        return true;
    }

    private bool OpenAi(JsonElement chunk)
    {
        if (chunk.Get("error") is not null || chunk.Get("choices") is not { } choices)
            return false;
        if (choices.GetArrayLength() == 0)
            return true;
        var choice = choices[0];
        if (choices.GetArrayLength() > 1 || choice.Count("index") > 0 || choice.Text("finish_reason").Length > 0 || choice.Get("logprobs") is { ValueKind: JsonValueKind.Object })
            return false;
        Start ??= new StreamStart(chunk.Text("id"), chunk.Get("created") is { ValueKind: JsonValueKind.Number } created ? created.GetInt64() : 0);
        if (choice.Get("delta") is not { } delta)
        {
            Said(choice.Text("text"), "");
            return true;
        }
        if (delta.Get("tool_calls") is { ValueKind: JsonValueKind.Array })
            return false;
        Said(delta.Text("content"), delta.Text("reasoning_content") is { Length: > 0 } thinking ? thinking : delta.Text("reasoning"));
        return true;
    }

    private void Said(string text, string thinking)
    {
        if (text.Length + thinking.Length > 0)
            Answer.Pass(new GenerationUpdate { Text = text, Thinking = thinking });
    }
}
