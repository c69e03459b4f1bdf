using System.Text;

namespace Chasqui.Engines.Templates;

/// <summary>The turns of an input as templates see them: in one order, roles in lower case, neighbours of one role joined.</summary>
internal sealed class TemplateTurns
{
    private TemplateTurns(string system, IReadOnlyList<ChatMessage> turns) => (System, Turns) = (system, turns);

    /// <summary>All system texts, an empty line between two.</summary>
    public string System { get; }

    public IReadOnlyList<ChatMessage> Turns { get; }

    public static TemplateTurns Of(TemplateInput input)
    {
        var systems = new List<string>();
        var turns = new List<ChatMessage>();
        StringBuilder? joined = null;
        foreach (var message in All(input))
        {
            var turn = message with { Role = Lower(message.Role) };
            if (turn.Role == "system")
                systems.Add(turn.Content);
            // Results of tools stay apart, because each names its tool.
            if (turns.Count > 0 && turns[^1].Role == turn.Role && turn.Role != "tool")
            {
                joined ??= new StringBuilder(turns[^1].Content);
                joined.Append("\n\n").Append(turn.Content);
                continue;
            }

            Close();
            turns.Add(turn);
        }

        Close();
        return new TemplateTurns(string.Join("\n\n", systems), turns);

        void Close()
        {
            if (joined is not null)
                turns[^1] = turns[^1] with { Content = joined.ToString() };
            joined = null;
        }
    }

    private static IEnumerable<ChatMessage> All(TemplateInput input)
    {
        if (!string.IsNullOrEmpty(input.System))
            yield return new ChatMessage { Role = "system", Content = input.System };
        foreach (var message in input.Messages)
            yield return message;
        if (!string.IsNullOrEmpty(input.Prompt))
            yield return new ChatMessage { Role = "user", Content = input.Prompt };
        if (!string.IsNullOrEmpty(input.Response))
            yield return new ChatMessage { Role = "assistant", Content = input.Response };
    }

#pragma warning disable CA1308 // The roles of the API are lower-case words; this is no comparison of two texts.
    private static string Lower(string role) => role.ToLowerInvariant();
#pragma warning restore CA1308
}
