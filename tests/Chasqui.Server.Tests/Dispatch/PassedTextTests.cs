using System.Text;

namespace Chasqui.Server.Tests.Dispatch;

/// <summary>How much text is counted of the parts of streams that pass by unread.</summary>
public sealed class PassedTextTests
{
    [Theory]
    [InlineData("""{"type":"response.output_text.delta","delta":"four"}""", 4)]
    [InlineData("""{"delta":"four","logprobs":[],"type": "response.output_text.delta"}""", 4)]
    [InlineData("""{"type":"response.reasoning_summary_text.delta","delta":"four"}""", 4)]
    [InlineData("""{"type":"response.function_call_arguments.delta","delta":"{\"a\":1}"}""", 9)]
    [InlineData("""{"delta":"four","item_id":"i"}""", 4)]
    // What was said already counts no second time.
    [InlineData("""{"type":"response.output_text.done","text":"four"}""", 0)]
    [InlineData("""{"type":"response.completed","response":{"output":[{"content":[{"type":"output_text","text":"four"}]}]}}""", 0)]
    // The same words within a text, and in another member, are no event of a response.
    [InlineData("""{"choices":[{"delta":{"content":"a \"response.x\" b"}}]}""", 18)]
    [InlineData("""{"choices":[{"delta":{"content":"\"type\":\"response.x\""}}]}""", 23)]
    [InlineData("""{"message":{"content":"say \"response.\""}}""", 17)]
    [InlineData("""{"choices":[{"delta":{"tool_calls":[{"function":{"name":"response.x","arguments":"abcd"}}]}}]}""", 4)]
    [InlineData("""{"type":"content_block_delta","delta":{"type":"text_delta","text":"\"response.\""}}""", 13)]
    [InlineData("""{"response":"four"}""", 4)]
    public void A_text_counts_whatever_it_says(string json, int bytes) => Assert.Equal(bytes, PassedText.BytesOf(Encoding.UTF8.GetBytes(json)));
}
