using Chasqui.Engines.Models;

namespace Chasqui.Engines.Tests.Models;

public sealed class HumanNumberTests
{
    [Theory]
    [InlineData(0, "0")]
    [InlineData(999, "999")]
    [InlineData(1_000, "1K")]
    [InlineData(935_040, "935K")]
    [InlineData(1_000_000, "1M")]
    [InlineData(1_100_000, "1.10M")]
    [InlineData(494_032_768, "494.03M")]
    [InlineData(7_000_000_000, "7B")]
    [InlineData(7_241_732_096, "7.2B")]
    public void A_count_is_written_as_Ollama_writes_it(long count, string text) => Assert.Equal(text, HumanNumber.Format(count));
}
