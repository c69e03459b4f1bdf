using System.Text;

namespace Chasqui.Server;

/// <summary>A guess at a prompt's tokens, a quarter of its bytes as Ollama guesses: the first event of a stream needs a number before there is one.</summary>
internal static class TokenEstimate
{
    /// <summary>Of a prompt.</summary>
    public static int Of(string prompt) => (int)Math.Clamp(Encoding.UTF8.GetByteCount(prompt) / 4L, 1, int.MaxValue);

    /// <summary>Of a conversation.</summary>
    public static int Of(ChatRequest request)
    {
        long bytes = 0;
        foreach (var turn in request.Messages)
        {
            bytes += turn.Role.Length + Encoding.UTF8.GetByteCount(turn.Content) + Encoding.UTF8.GetByteCount(turn.Thinking ?? "");
            if (turn.ToolCalls is { } calls)
                bytes += calls.GetRawText().Length;
        }
        if (request.Tools is { } tools)
            bytes += tools.GetRawText().Length;
        return (int)Math.Clamp(bytes / 4, 1, int.MaxValue);
    }
}
