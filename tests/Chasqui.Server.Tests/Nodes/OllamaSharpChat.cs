using OllamaSharp.Models.Chat;
using TheirChat = OllamaSharp.Models.Chat.ChatRequest;
using TheirMessage = OllamaSharp.Models.Chat.Message;
using TheirRole = OllamaSharp.Models.Chat.ChatRole;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>Chats over OllamaSharp.</summary>
internal static class OllamaSharpChat
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheirChat Hello(string model, string text = "Hello!") => new() { Model = model, Messages = [new TheirMessage(TheirRole.User, text)] };

    /// <summary>The same streamed and whole, which must say the same and have cost the same.</summary>
    public static async Task<(OllamaSharpAnswer Streamed, OllamaSharpAnswer Whole)> BothAsync(PackageFleet fleet, TheirChat request)
    {
        var streamed = await RunAsync(fleet, request, stream: true);
        var whole = await RunAsync(fleet, request, stream: false);
        Assert.Equal(streamed.Text, whole.Text);
        Assert.Equal(streamed.Thoughts, whole.Thoughts);
        Assert.True(streamed.Text.Length > 0 || streamed.Calls.Count > 0);
        Assert.Equal(streamed.Done!.DoneReason, whole.Done!.DoneReason);
        Assert.Equal(streamed.Done.EvalCount, whole.Done.EvalCount);
        Assert.Equal(streamed.Done.PromptEvalCount, whole.Done.PromptEvalCount);
        return (streamed, whole);
    }

    public static async Task<OllamaSharpAnswer> RunAsync(PackageFleet fleet, TheirChat request, bool stream)
    {
        request.Stream = stream;
        var answer = new OllamaSharpAnswer("", "", [], 0, null);
        await foreach (var part in fleet.Ollama.ChatAsync(request, Token))
        {
            answer = answer with
            {
                Text = answer.Text + part!.Message?.Content,
                Thoughts = answer.Thoughts + part.Message?.Thinking,
                Calls = [.. answer.Calls, .. part.Message?.ToolCalls ?? []],
                Pieces = answer.Pieces + (string.IsNullOrEmpty(part.Message?.Content) ? 0 : 1),
                Done = part as ChatDoneResponseStream ?? answer.Done,
            };
        }
        return answer;
    }
}

/// <summary>What came, and how.</summary>
/// <param name="Text">The answer.</param>
/// <param name="Thoughts">What was thought before it.</param>
/// <param name="Calls">Calls of tools.</param>
/// <param name="Pieces">Parts with a piece of the answer.</param>
/// <param name="Done">The last part; null where the stream ended without it.</param>
internal sealed record OllamaSharpAnswer(string Text, string Thoughts, List<TheirMessage.ToolCall> Calls, int Pieces, ChatDoneResponseStream? Done);
