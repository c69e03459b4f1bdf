using System.Text;
using Chasqui.Engines.LlamaCpp.Sampling;

namespace Chasqui.Engines.Tests.LlamaCpp;

/// <summary>When an answer that says one token for ever ends: at the 32nd, as with Ollama.</summary>
public sealed class RepetitionGuardTests
{
    [Theory]
    [InlineData("a", 31)]
    [InlineData(" a|a ", 31)]
    [InlineData(" |\n|\t  ", 30)]
    [InlineData("", 30)]
    [InlineData("a|b", 1000)]
    [InlineData("a|A", 1000)]
    [InlineData("\u00A0|a", 1000)]
    public void One_piece_may_be_said_thirty_times_again(string pieces, int fit)
    {
        var said = pieces.Split('|').Select(Encoding.UTF8.GetBytes).ToList();
        var guard = new RepetitionGuard();

        var taken = Enumerable.Range(0, 1000).TakeWhile(i => !guard.IsTooMany(said[i % said.Count])).Count();

        Assert.Equal(fit, taken);
    }

    [Fact]
    public void Another_piece_begins_the_count_anew()
    {
        var guard = new RepetitionGuard();

        for (var round = 0; round < 10; round++)
        {
            for (var i = 0; i < 31; i++)
                Assert.False(guard.IsTooMany("x"u8.ToArray()));
            Assert.False(guard.IsTooMany("y"u8.ToArray()));
        }
    }
}
