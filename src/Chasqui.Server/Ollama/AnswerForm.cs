using System.Text.Json.Nodes;

namespace Chasqui.Server;

/// <summary>What one message of an answer says.</summary>
internal readonly record struct AnswerPiece(string Text, string Thinking, IReadOnlyList<TokenLogprob>? Logprobs, JsonArray? ToolCalls)
{
    public static AnswerPiece Empty { get; } = new("", "", null, null);

    public bool IsEmpty => Text.Length == 0 && Thinking.Length == 0 && Logprobs is not { Count: > 0 } && ToolCalls is null;
}

/// <summary>The two shapes of an answer, <c>/api/generate</c>'s and <c>/api/chat</c>'s; the order of members is Ollama's.</summary>
internal abstract class AnswerForm(string model, TimeProvider time)
{
    /// <summary>A piece of a stream.</summary>
    public void WritePiece(ref JsonText json, AnswerPiece piece)
    {
        Head(ref json, piece, "assistant", done: false);
        MetricsJson.Logprobs(ref json, piece.Logprobs);
        json.EndObject();
    }

    /// <summary>The last message, or the whole answer where it is not streamed.</summary>
    public void WriteLast(ref JsonText json, AnswerPiece piece, GenerationResult result)
    {
        Head(ref json, piece, "assistant", done: true);
        DoneReason(ref json, result.Reason == FinishReason.Length ? "length" : "stop");
        Tail(ref json, result, piece.Logprobs);
        SessionFields.Write(ref json, result);
        json.EndObject();
    }

    /// <summary>A request that only loaded or unloaded the model.</summary>
    public void WriteResidency(ref JsonText json, string reason)
    {
        Head(ref json, AnswerPiece.Empty, "assistant", done: true);
        DoneReason(ref json, reason);
        json.EndObject();
    }

    /// <summary>The templated prompt that <c>_debug_render_only</c> asks for.</summary>
    public void WriteRendered(ref JsonText json, string prompt, int images)
    {
        Head(ref json, AnswerPiece.Empty, "", done: false);
        MetricsJson.RenderedPrompt(ref json, prompt, images);
        json.EndObject();
    }

    /// <summary>The members that say what the model said.</summary>
    protected abstract void Message(ref JsonText json, AnswerPiece piece, string role);

    /// <summary>The members after <c>done_reason</c>.</summary>
    protected abstract void Tail(ref JsonText json, GenerationResult result, IReadOnlyList<TokenLogprob>? logprobs);

    private static void DoneReason(ref JsonText json, string reason)
    {
        json.Name("done_reason"u8);
        json.Value(reason);
    }

    private void Head(ref JsonText json, AnswerPiece piece, string role, bool done)
    {
        json.BeginObject();
        json.Name("model"u8);
        json.Value(model);
        json.Name("created_at"u8);
        json.Value(time.GetUtcNow());
        Message(ref json, piece, role);
        json.Name("done"u8);
        json.Value(done);
    }
}

/// <summary><c>/api/generate</c>: the text is in <c>response</c>.</summary>
internal sealed class GenerateForm(string model, TimeProvider time) : AnswerForm(model, time)
{
    protected override void Message(ref JsonText json, AnswerPiece piece, string role)
    {
        json.Name("response"u8);
        json.Value(piece.Text);
        if (piece.Thinking.Length > 0)
        {
            json.Name("thinking"u8);
            json.Value(piece.Thinking);
        }
    }

    protected override void Tail(ref JsonText json, GenerationResult result, IReadOnlyList<TokenLogprob>? logprobs)
    {
        if (result.Context is { Count: > 0 } context)
        {
            json.Name("context"u8);
            json.BeginArray();
            foreach (var token in context)
                json.Value((long)token);
            json.EndArray();
        }
        MetricsJson.Write(ref json, result);
        MetricsJson.Logprobs(ref json, logprobs);
    }
}

/// <summary><c>/api/chat</c>: the text is in <c>message</c>.</summary>
internal sealed class ChatForm(string model, TimeProvider time) : AnswerForm(model, time)
{
    protected override void Message(ref JsonText json, AnswerPiece piece, string role)
    {
        json.Name("message"u8);
        json.BeginObject();
        json.Name("role"u8);
        json.Value(role);
        json.Name("content"u8);
        json.Value(piece.Text);
        if (piece.Thinking.Length > 0)
        {
            json.Name("thinking"u8);
            json.Value(piece.Thinking);
        }
        if (piece.ToolCalls is not null)
        {
            json.Name("tool_calls"u8);
            json.Value(piece.ToolCalls);
        }
        json.EndObject();
    }

    protected override void Tail(ref JsonText json, GenerationResult result, IReadOnlyList<TokenLogprob>? logprobs)
    {
        MetricsJson.Logprobs(ref json, logprobs);
        MetricsJson.Write(ref json, result);
    }
}
