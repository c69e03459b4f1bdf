using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Chasqui.OllamaDouble;

/// <summary>How one API writes an answer. One for each request; not thread-safe.</summary>
internal abstract class AnswerFormat(Generation request, TimeProvider time)
{
    private static readonly JsonWriterOptions _options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };
    private static long _ids;

    protected Generation Request { get; } = request;

    protected TimeProvider Time { get; } = time;

    /// <summary>What waits to be sent.</summary>
    public ArrayBufferWriter<byte> Buffer { get; } = new(512);

    /// <summary>The content type of a stream.</summary>
    public virtual string StreamType => "text/event-stream";

    /// <summary>The content type of a whole answer.</summary>
    public virtual string WholeType => "application/json";

    protected Utf8JsonWriter Json { get; } = new(Stream.Null, _options);

    /// <summary>A piece of a stream.</summary>
    public abstract void Piece(string text, bool thinking);

    public abstract void Call(ToolCall call);

    /// <summary>The end of a stream.</summary>
    public abstract void Done(Answer answer, Cost cost);

    /// <summary>An answer without streaming. Without <paramref name="done"/> the engine stopped short.</summary>
    public abstract void Whole(Answer answer, Cost cost, bool done);

    /// <summary>The engine fails in a stream: as recorded in <c>runner_killed_*</c>.</summary>
    public virtual void Fail(string message)
    {
    }

    /// <summary>A number for ids: OpenAI's paths of Ollama have small ones that are not unique.</summary>
    protected static long NextId() => Interlocked.Increment(ref _ids);

    protected void Begin() => Json.Reset(Buffer);

    protected void End(ReadOnlySpan<byte> after)
    {
        Json.Flush();
        Buffer.Write(after);
    }

    protected void Now(string name)
    {
        Span<char> text = stackalloc char[40];
        Time.GetUtcNow().UtcDateTime.TryFormat(text, out var length, "yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", CultureInfo.InvariantCulture);
        Json.WriteString(name, text[..length]);
    }

    protected long UnixNow() => Time.GetUtcNow().ToUnixTimeSeconds();

    protected void WriteLogprobs(ReadOnlySpan<string> tokens)
    {
        Json.WriteStartArray();
        foreach (var token in tokens)
        {
            Json.WriteStartObject();
            WriteLogprob(token, -0.25);
            if (Request.TopLogprobs > 0)
            {
                Json.WriteStartArray("top_logprobs");
                for (var i = 0; i < Request.TopLogprobs; i++)
                {
                    Json.WriteStartObject();
                    WriteLogprob(i == 0 ? token : " alt" + i.ToString(CultureInfo.InvariantCulture), -0.25 - i);
                    Json.WriteEndObject();
                }
                Json.WriteEndArray();
            }
            Json.WriteEndObject();
        }
        Json.WriteEndArray();
    }

    private void WriteLogprob(string token, double logprob)
    {
        Json.WriteString("token", token);
        Json.WriteNumber("logprob", logprob);
        Json.WriteStartArray("bytes");
        foreach (var b in System.Text.Encoding.UTF8.GetBytes(token))
            Json.WriteNumberValue(b);
        Json.WriteEndArray();
    }
}
