using System.Text.Json;

namespace Chasqui.Engines.Http;

/// <summary>What a client was told already of a stream that is gone on with.</summary>
/// <param name="Id">The answer's id.</param>
/// <param name="Created">Its time, in seconds since 1970 UTC.</param>
public sealed record StreamStart(string Id, long Created);

/// <summary>Reads what was passed on unread of an answer that was broken off. Not thread-safe.</summary>
public sealed class PassedAnswer
{
    private static readonly byte[] _line = "\n"u8.ToArray();
    private static readonly byte[] _event = "\n\n"u8.ToArray();

    /// <summary>What was said.</summary>
    public AnswerSoFar Answer { get; } = new();

    /// <summary>How the stream began, where its API says such; null for nothing.</summary>
    public StreamStart? Start { get; private set; }

    /// <summary>With which a part of the answer ends; null where answers of that API are not gone on with, as they count their parts.</summary>
    public static byte[]? DelimiterOf(string path) => path switch
    {
        "/api/chat" or "/api/generate" => _line,
        "/v1/chat/completions" or "/v1/completions" => _event,
        _ => null,
    };

    /// <summary>Reads what was passed on.</summary>
    /// <returns>Null where it cannot be gone on with: it calls tools, tells probabilities, has several choices, has ended, or cannot be read.</returns>
    public static PassedAnswer? Read(string path, ReadOnlyMemory<byte> sent)
    {
        var read = new PassedAnswer();
        var isOllama = DelimiterOf(path) == _line;
        try
        {
            while (!sent.IsEmpty)
            {
                var end = sent.Span.IndexOf((byte)'\n');
                var line = end < 0 ? sent : sent[..end];
                sent = end < 0 ? default : sent[(end + 1)..];
                if (!isOllama)
                    line = line.Span.StartsWith("data:"u8) ? line["data:".Length..] : default;
                if (line.Span.Trim((byte)' ').IsEmpty)
                    continue;
                using var json = JsonDocument.Parse(line);
                if (!(isOllama ? read.Ollama(json.RootElement) : read.OpenAi(json.RootElement)))
                    return null;
            }
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            return null;
        }
        return read;
    }

    /// <summary>Whether a line or event tells an error.</summary>
    public static bool IsError(ReadOnlySpan<byte> line) => line.StartsWith("{\"error\""u8) || line.StartsWith("data: {\"error\""u8);

    /// <summary>Whether a line or event, or several, are the end of an answer.</summary>
    public static bool IsEnd(ReadOnlySpan<byte> last) =>
        last.IndexOf("\"done\":true"u8) >= 0 || last.IndexOf("\"done\": true"u8) >= 0 || last.IndexOf("[DONE]"u8) >= 0 || last.IndexOf("\"finish_reason\":\""u8) >= 0;

    /// <summary>The error that a line or event tells, in the node's words; null where it tells none.</summary>
    public static string? ErrorOf(ReadOnlyMemory<byte> line)
    {
        if (!IsError(line.Span))
            return null;
        try
        {
            using var json = JsonDocument.Parse(line[line.Span.IndexOf((byte)'{')..]);
            return ErrorText.Read(json.RootElement).Message;
        }
        catch (JsonException)
        {
            return "the node broke its answer off";
        }
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
        if (choices.GetArrayLength() > 1 || choice.Count("index") > 0 || choice.Get("finish_reason") is { ValueKind: JsonValueKind.String } || choice.Get("logprobs") is { ValueKind: JsonValueKind.Object })
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
