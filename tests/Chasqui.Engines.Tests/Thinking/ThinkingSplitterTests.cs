using Chasqui.Engines.LlamaCpp.Prompts;
using Chasqui.Engines.LlamaCpp.Sampling;
using CsCheck;

namespace Chasqui.Engines.Tests.Thinking;

public sealed class ThinkingSplitterTests
{
    [Theory]
    [InlineData("<think>so</think>yes", false, "so", "yes")]
    [InlineData("\n <think>\n so \n</think>\n\n yes ", false, "so", "yes ")]
    [InlineData("plain <think> text", false, "", "plain <think> text")]
    [InlineData("so</think>yes", true, "so", "yes")]
    [InlineData("never closed </thin", true, "never closed </thin", "")]
    [InlineData("<thi", false, "", "<thi")]
    [InlineData("  ", false, "", "  ")]
    [InlineData("<think>a</think>b</think>c", false, "a", "b</think>c")]
    public void An_answer_parts_alike_however_it_is_cut(string answer, bool begun, string thinking, string text)
    {
        Gen.Int[1, 4].Array[answer.Length].Sample(sizes =>
        {
            var splitter = new ThinkingSplitter(ThinkingTags.Default, begun);
            var thought = "";
            var said = "";
            var at = 0;
            foreach (var size in sizes)
            {
                var piece = answer.Substring(at, Math.Min(size, answer.Length - at));
                at += piece.Length;
                Add(splitter.Push(piece));
            }

            Add(splitter.Push(answer[at..]));
            Add(splitter.Finish());
            Assert.Equal(thinking, thought);
            Assert.Equal(text, said);

            void Add((string Thinking, string Text) part)
            {
                thought += part.Thinking;
                said += part.Text;
            }
        });
    }

    [Fact]
    public void The_tags_are_read_from_the_template()
    {
        var tags = ThinkingTags.Of("{{ range .Messages }}{{ if .Thinking }}<thought>{{ .Thinking }}</thought>{{ end }}{{ .Content }}{{ end }}");
        Assert.Equal(new ThinkingTags("<thought>", "</thought>"), tags);
        Assert.Equal(ThinkingTags.Default, ThinkingTags.Of("{{ .Prompt }}"));
    }
}
