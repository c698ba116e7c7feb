// What lives at the far end of the fixture.
export const AGENT_NAME = "fixture";
export const AGENT_TOOLS = [
  "test_simple_text",
  "test_image_content",
  "test_error_handling",
  "test_tool_with_progress",
] as const;
export type AgentTool = (typeof AGENT_TOOLS)[number];
